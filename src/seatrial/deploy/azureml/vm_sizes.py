"""The sizes of machine that a managed online endpoint can have: Azure refuses another only when it allocates one.

Source: Microsoft's "Managed online endpoints SKU list" (articles/machine-learning/
reference-managed-online-endpoints-vm-sku-list.md of MicrosoftDocs/azure-ai-docs at 1d987e37), read on 2026-11-29.
Which of them a subscription may use in a region is a matter of its quota, and is not known here.
"""

from __future__ import annotations

from seatrial.errors import did_you_mean

SOURCE = "https://learn.microsoft.com/azure/machine-learning/reference-managed-online-endpoints-vm-sku-list"
READ_ON = "2026-11-29"

# A family's way to write a size, and the numbers that it comes in. Azure does not tell upper from lower case.
_FAMILIES: tuple[tuple[str, tuple[int, ...]], ...] = (
    ("D{}as_v4", (2, 4, 8, 16, 32, 48, 64, 96)),
    ("D{}a_v4", (2, 4, 8, 16, 32, 48, 64, 96)),
    ("DS{}_v2", (1, 2, 3, 4, 5)),
    ("E{}s_v3", (2, 4, 8, 16, 32, 48, 64)),
    ("F{}s_v2", (2, 4, 8, 16, 32, 48, 64, 72)),
    ("FX{}mds", (4, 12, 24, 36, 48)),
    ("L{}as_v3", (8, 16, 32, 48, 64, 80)),
    ("L{}s_v2", (8, 16, 32, 48, 64, 80)),
    ("L{}s_v3", (8, 16, 32, 48, 64, 80)),
    ("NC{}ads_A100_v4", (24, 48, 96)),
    ("NC{}as_T4_v3", (4, 8, 16, 64)),
    ("NC{}s_v2", (6, 12, 24)),
    ("NC{}s_v3", (6, 12, 24)),
    ("NC{}ads_H100_v5", (40,)),
    ("NC{}adis_H100_v5", (80,)),
    ("ND{}amsr_A100_v4", (96,)),
    ("ND{}asr_v4", (96,)),
    ("ND{}rs_v2", (40,)),
    ("ND{}is_H100_v5", (96,)),
    ("ND{}isr_H100_v5", (96,)),
    ("NV{}ads_A10_v5", (6, 12, 18, 36, 72)),
    ("NV{}adms_A10_v5", (36,)),
)
VM_SIZES: tuple[str, ...] = tuple(
    f"Standard_{form.format(number)}" for form, numbers in _FAMILIES for number in numbers
)
_BY_LOWER_CASE = {size.lower(): size for size in VM_SIZES}


def vm_size_mistake(size: object) -> tuple[str, str] | None:
    """How the size is wrong, and the hint; None where an endpoint can have it.

    >>> vm_size_mistake("STANDARD_F2S_V2")
    >>> vm_size_mistake("Standard_F3s_v2")[0]
    'must be a size of machine that managed online endpoints have, got "Standard_F3s_v2".'
    """
    if isinstance(size, str) and size.lower() in _BY_LOWER_CASE:
        return None
    problem = f'must be a size of machine that managed online endpoints have, got "{size}".'
    near = did_you_mean(size, VM_SIZES) if isinstance(size, str) else None
    return problem, f"{near or 'Take one like Standard_F2s_v2.'} Azure's list, as of {READ_ON}: {SOURCE}"
