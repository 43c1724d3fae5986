"""Amounts as Kubernetes writes them, in the forms that a profile takes."""

from __future__ import annotations

import re
from decimal import Decimal

_UNITS = {
    "": Decimal(1),
    "n": Decimal("1e-9"),
    "u": Decimal("1e-6"),
    "m": Decimal("1e-3"),
    "k": Decimal(10) ** 3,
    "M": Decimal(10) ** 6,
    "G": Decimal(10) ** 9,
    "T": Decimal(10) ** 12,
    "Ki": Decimal(2) ** 10,
    "Mi": Decimal(2) ** 20,
    "Gi": Decimal(2) ** 30,
    "Ti": Decimal(2) ** 40,
}
_AMOUNT = re.compile(r"(\d+(?:\.\d+)?)([A-Za-z]*)")
_CPU = re.compile(r"[1-9]\d*m?|(?!0+\.0+$)\d+\.\d{1,3}")
_MEMORY = re.compile(r"[1-9]\d*(Ki|Mi|Gi|Ti)")
_BYTES = {"Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40}


def amount(text: str) -> Decimal:
    """The number that a quantity of Kubernetes means.

    >>> amount("500m"), amount("2Gi")
    (Decimal('0.500'), Decimal('2147483648'))
    """
    match = _AMOUNT.fullmatch(text)
    if match is None or match[2] not in _UNITS:
        raise ValueError(text)
    return Decimal(match[1]) * _UNITS[match[2]]


def quantity_mistake(cpu: str | None, memory: str | None) -> tuple[str, str, str] | None:
    """The key that is wrong ("cpu" or "memory"), how, and the hint; None where both can be asked of a cluster."""
    if cpu is not None and not _CPU.fullmatch(cpu):
        return "cpu", f"{cpu!r} is not a valid CPU quantity.", "Examples: 500m, 2."
    if memory is not None and not _MEMORY.fullmatch(memory):
        return "memory", f"{memory!r} is not a valid memory quantity.", "Examples: 512Mi, 2Gi."
    return None


def mebibytes(memory: str) -> int:
    """An amount of memory in whole MiB.

    >>> mebibytes("2Gi")
    2048
    """
    return int(memory[:-2]) * _BYTES[memory[-2:]] // 2**20


def whole_cores(cpu: str) -> int:
    """How many threads an amount of CPU is good for: rounded up.

    >>> whole_cores("500m"), whole_cores("1500m"), whole_cores("2")
    (1, 2, 2)
    """
    thousandths = int(cpu[:-1]) if cpu.endswith("m") else round(float(cpu) * 1000)
    return -(-thousandths // 1000)
