"""Where a shared ledger of test uses is, from its settings alone. Light: planning needs it, and no client."""

from __future__ import annotations

from seatrial.errors import StoreError
from seatrial.stores.settings import StoreSettings
from seatrial.stores.store_url import Folder, parse_store_url, shown_url


def ledger_address(settings: StoreSettings, *, named_in: str) -> str:
    """The address of the ledger, without secrets; `named_in` is the variable or the key that names it.

    `StoreError` where it is a folder that does not exist: made by mistake, it would begin to count anew.
    """
    address = shown_url(settings.url)
    located = parse_store_url(settings)
    if isinstance(located, Folder) and not located.path.is_dir():
        raise StoreError(
            f"the shared ledger of test uses must be a folder that exists, got {address}.",
            path=named_in,
            hint="Mount it, correct the address, or make the folder where nobody counted before.",
        )
    return address if settings.endpoint is None else f"{address} of {shown_url(settings.endpoint)}"
