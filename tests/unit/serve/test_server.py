"""A server's beginning and end, in this process: signals are its main thread's."""

from __future__ import annotations

import os
import signal
import threading
from dataclasses import dataclass, field

import pytest
import uvicorn

from seatrial.errors import InputError
from seatrial.models.predictor import ArrayPredictor
from seatrial.serve.application import Application
from seatrial.serve.model_server import create_app
from seatrial.serve.server import _Server, run_server


@dataclass
class Beside:
    """Keeps what happened, in its order; may not start."""

    app: Application
    fails: Exception | None = None
    events: list[str] = field(default_factory=list)

    @property
    def busy(self) -> bool:
        return False

    async def start(self) -> None:
        if self.fails is not None:
            raise self.fails
        self.events.append("start")

    async def stop(self, grace_s: float = 2.0) -> None:
        told = "refuses" if self.app.inference._stopped else "answers"
        self.events.append(f"stop while it {told}, {'long' if grace_s > 5 else 'short'}")

    def ready(self, address: str) -> None:
        self.events.append("ready" if address.startswith("http://127.0.0.1:") else address)
        threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT)).start()


def served_beside(echo: ArrayPredictor, fails: Exception | None = None) -> Beside:
    app = create_app(echo, "census", "2")
    app.beside = beside = Beside(app, fails)
    return beside


def test_it_is_ready_once_the_server_beside_it_is_which_is_told_of_the_end_while_it_answers(
    echo: ArrayPredictor,
) -> None:
    beside = served_beside(echo)
    run_server(beside.app, host="127.0.0.1", port=0, ready=beside.ready)
    assert beside.events == ["start", "ready", "stop while it answers, long", "stop while it refuses, short"]


@pytest.mark.parametrize("error", [InputError("the port is taken."), RuntimeError("anything")])
def test_a_server_beside_it_that_does_not_start_ends_it_with_its_error(echo: ArrayPredictor, error: Exception) -> None:
    beside = served_beside(echo, error)
    with pytest.raises(type(error), match=str(error)):
        run_server(beside.app, host="127.0.0.1", port=0, ready=beside.ready)
    assert beside.events == []


@dataclass(eq=False)
class Sending:
    """A connection and its transport, with so many bytes that are not sent yet."""

    unsent: int

    @property
    def transport(self) -> Sending:
        return self

    def get_write_buffer_size(self) -> int:
        return self.unsent


@pytest.mark.parametrize("unsent", [0, 1])
def test_it_is_busy_while_answers_are_not_sent(echo: ArrayPredictor, unsent: int) -> None:
    app = create_app(echo, "census", "2")
    server = _Server(uvicorn.Config(app), app, drain_s=0, on_started=lambda: None)
    server.server_state.connections = {Sending(unsent)}  # type: ignore[arg-type]
    assert server._busy == bool(unsent)
