"""One broker for the tests of this folder."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from .broker import Broker, kafka_broker


@pytest.fixture(scope="package")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    with kafka_broker(tmp_path_factory.mktemp("kafka")) as started:
        yield started
