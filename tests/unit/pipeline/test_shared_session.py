"""The run's Spark session when the run ends: none is left, even one that was just being made."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from seatrial.errors import StepFailed
from seatrial.pipeline.engines.shared_session import SharedSession
from seatrial.prepare import session as prepare_session
from seatrial.prepare.spark_settings import SparkSettings

LIMIT_S = 10.0


class Maker:
    """Stands in for Spark: starts when it is let, and notes when it was stopped."""

    def __init__(self) -> None:
        self.asked, self.let, self.stopped = threading.Event(), threading.Event(), threading.Event()

    @contextmanager
    def __call__(self, *_: object, **__: object) -> Iterator[str]:
        self.asked.set()
        assert self.let.wait(LIMIT_S)
        yield "session"
        self.stopped.set()


@pytest.fixture
def maker(monkeypatch: pytest.MonkeyPatch) -> Maker:
    stand_in = Maker()
    monkeypatch.setattr(prepare_session, "spark_session", stand_in)
    return stand_in


@pytest.fixture
def shared(tmp_path: Path) -> SharedSession:
    profile = SimpleNamespace(spark=SparkSettings(), store="s3://elsewhere", buckets={})
    project = SimpleNamespace(directory=tmp_path)
    workspace: Any = SimpleNamespace(profile=profile, project=project, store=None, catalog=None)
    return SharedSession(workspace, tmp_path / "spark.log")


def test_all_who_ask_get_one_session_and_the_end_stops_it(maker: Maker, shared: SharedSession) -> None:
    maker.let.set()
    assert shared.get() is shared.get()
    shared.end()
    assert maker.stopped.is_set()


def test_a_session_that_is_being_made_when_the_run_ends_is_stopped(maker: Maker, shared: SharedSession) -> None:
    asking = threading.Thread(target=shared.get)
    asking.start()
    assert maker.asked.wait(LIMIT_S)
    ending = threading.Thread(target=shared.end)
    ending.start()
    maker.let.set()
    asking.join(LIMIT_S)
    ending.join(LIMIT_S)
    assert maker.stopped.wait(LIMIT_S)


def test_a_step_that_asks_after_the_end_gets_none(maker: Maker, shared: SharedSession) -> None:
    maker.let.set()
    shared.end()
    with pytest.raises(StepFailed, match="ending"):
        shared.get()
    assert not maker.asked.is_set()
