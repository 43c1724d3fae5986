"""Amounts as Kubernetes writes them, in the forms that a profile takes."""

from __future__ import annotations

import re

_CPU = re.compile(r"[1-9]\d*m?|(?!0+\.0+$)\d+\.\d{1,3}")
_MEMORY = re.compile(r"[1-9]\d*(Ki|Mi|Gi|Ti)")


def quantity_mistake(cpu: str | None, memory: str | None) -> tuple[str, str, str] | None:
    """The key that is wrong ("cpu" or "memory"), how, and the hint; None where both can be asked of a cluster."""
    if cpu is not None and not _CPU.fullmatch(cpu):
        return "cpu", f"{cpu!r} is not a valid CPU quantity.", "Examples: 500m, 2."
    if memory is not None and not _MEMORY.fullmatch(memory):
        return "memory", f"{memory!r} is not a valid memory quantity.", "Examples: 512Mi, 2Gi."
    return None
