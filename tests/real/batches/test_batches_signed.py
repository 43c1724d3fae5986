"""Signed requests to real stores: through faults, and beyond the end of their signatures."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from seatrial.batches.parquet_table import parquet_table
from seatrial.batches.wire import open_wire as addresses
from seatrial.batches.wire.http_wire import Limits
from seatrial.stores.obstore_objects import open_objects
from seatrial.stores.settings import StoreSettings
from tests.real.batches.faulty_proxy import KINDS, before
from tests.real.batches.packed_files import COLUMNS, ids_of

Lake = tuple[Path, list[str], int]
PATIENT = Limits(silence_s=2, failures=20, pause_s=0.001, longest_pause_s=0.05)
FAULTS = 30  # at least, of each kind some
ENDED_S = 2.2  # after which a signature for a second has ended, whole seconds being counted


def stored(store: StoreSettings, lake: Lake) -> None:
    folder, files, _ = lake
    objects = open_objects(store)
    for name in files:
        objects.put(f"lake/{name}", folder / name)


def test_faults_before_a_real_store_cost_no_row_and_bring_no_wrong_one(store: StoreSettings, lake: Lake) -> None:
    stored(store, lake)
    with before(str(store.endpoint)) as proxy:
        behind = replace(store, endpoint=proxy.url)
        table = parquet_table(f"{store.url}/lake", store=behind)
        proxy.breaks = True
        for columns in (COLUMNS, ["id", "a", "b"]):
            seen: list[int] = []
            with table.batches(columns=columns, window_mib=1, limits=PATIENT) as batches:
                for batch in batches:
                    if columns is COLUMNS:
                        ids_of(batch)
                    else:
                        assert (batch["a"] == batch["id"]).all()
                        assert (batch["b"] == batch["id"]).all()
                    seen.extend(batch["id"].tolist())
            assert sorted(seen) == list(range(lake[2]))
    assert set(proxy.met) == set(KINDS)
    assert sum(proxy.met.values()) > FAULTS


def test_a_signature_that_ends_while_a_file_is_read_is_made_again(
    store: StoreSettings, lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    stored(store, lake)
    monkeypatch.setattr(addresses, "SIGNED_FOR", timedelta(seconds=1))
    signed: list[str] = []
    sign = addresses.SignedUrls._sign

    def counted(self: addresses.SignedUrls, path: str) -> str:
        signed.append(path)
        return sign(self, path)

    monkeypatch.setattr(addresses.SignedUrls, "_sign", counted)
    path = f"{store.url}/lake/0.parquet"
    wire = addresses.open_wire(path, store)
    tail = wire.tail(path, None, 8)
    time.sleep(ENDED_S)
    read = bytearray(1000)
    wire.read(tail.file, 0, [memoryview(read)])
    wire.close()
    assert read == (lake[0] / "0.parquet").read_bytes()[:1000]
    assert signed == [path, path]
