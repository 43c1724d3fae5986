"""The queue and its thread: each caller gets exactly its own answer, whatever the others do."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from seatrial.errors import InputError
from seatrial.models.predictor import Predictions
from seatrial.models.signature import Column, Signature
from seatrial.serve.formats.request_columns import Question, Reply
from seatrial.serve.inference import Busy, Gone, Inference, Late, Limits, Stopping

SIGNATURE = Signature((Column("key", "number"), Column("text", "text")), "regression")
POISON = -1.0


@dataclass
class Doubling:
    """Answers each key with its double, refuses poison, and notes how many rows each run had."""

    signature: Signature = SIGNATURE
    runs: list[int] = field(default_factory=list)
    takes_s: float = 0.0
    gate: threading.Event | None = None
    started: threading.Event = field(default_factory=threading.Event)

    def predict_arrays(self, columns: Mapping[str, NDArray[Any]]) -> Predictions:
        self.started.set()
        if self.gate is not None:
            assert self.gate.wait(30)
        time.sleep(self.takes_s)
        if (columns["key"] == POISON).any():
            raise InputError("poison.")
        assert columns["text"].tolist() == [f"{key:g}" for key in columns["key"]]
        self.runs.append(len(columns["key"]))
        return Predictions(columns["key"] * 2, None)


def question(keys: Sequence[float], *, reply_fails: bool = False) -> Question:
    columns = {"key": np.array(keys, np.float64), "text": np.array([f"{key:g}" for key in keys], object)}

    def reply(predictions: Predictions) -> Reply:
        if reply_fails:
            raise InputError("no reply.")
        return Reply(repr(predictions.labels.tolist()).encode())

    return Question(columns, len(keys), reply)


def expected(keys: Sequence[float]) -> bytes:
    return repr([key * 2 for key in keys]).encode()


@dataclass(frozen=True)
class Call:
    kind: str
    rows: int
    after_ms: int


KINDS = ("good", "good", "good", "unreadable", "poison", "no reply", "impatient", "gone", "cancelled")
calls = st.lists(st.builds(Call, st.sampled_from(KINDS), st.integers(0, 4), st.integers(0, 3)), max_size=24)


async def made(inference: Inference, call: Call, keys: Sequence[float]) -> object:
    """What comes of the call: its bytes, or its error."""

    def read() -> Question:
        if call.kind == "unreadable":
            raise InputError("unreadable.")
        if call.kind == "poison":
            return question([*keys, POISON])
        return question(keys, reply_fails=call.kind == "no reply")

    def on_wait(give_up: Callable[[], None]) -> None:
        if call.kind == "gone":
            asyncio.get_running_loop().call_later(0.001, give_up)

    await asyncio.sleep(call.after_ms / 1000)
    timeout_s = 0.001 if call.kind == "impatient" else None
    answering = asyncio.ensure_future(inference.answer(read, 10, timeout_s=timeout_s, on_wait=on_wait))
    if call.kind == "cancelled":
        await asyncio.sleep(0)
        answering.cancel()
    try:
        return (await answering).body
    except (Exception, asyncio.CancelledError) as error:  # noqa: BLE001
        return error


@pytest.mark.simulation
@settings(deadline=None, max_examples=150)
@given(calls, st.sampled_from([1, 3, 1000]), st.sampled_from([0.0, 0.002]))
def test_each_caller_gets_exactly_its_own_rows(drawn: list[Call], merge_rows: int, takes_s: float) -> None:
    predictor = Doubling(takes_s=takes_s)
    keys = [[float(100 * place + row) for row in range(call.rows)] for place, call in enumerate(drawn)]

    async def within() -> list[object]:
        inference = Inference(predictor, Limits(merge_rows=merge_rows))
        try:
            async with asyncio.timeout(30):
                outcomes = await asyncio.gather(
                    *(made(inference, call, own) for call, own in zip(drawn, keys, strict=True))
                )
            assert inference.waiting == 0
            return outcomes
        finally:
            await asyncio.to_thread(inference.close)

    for call, own, outcome in zip(drawn, keys, asyncio.run(within()), strict=True):
        errors = {"unreadable": InputError, "poison": InputError, "no reply": InputError}
        late = {"impatient": Late, "gone": Gone, "cancelled": asyncio.CancelledError}
        if call.kind in errors:
            assert isinstance(outcome, errors[call.kind])
            assert call.kind in str(outcome)
        else:
            assert outcome == expected(own) or (call.kind in late and isinstance(outcome, late[call.kind]))
    if merge_rows == 3:
        assert all(rows <= 4 for rows in predictor.runs)  # one of four rows comes alone


def together(predictor: Doubling, limits: Limits, *reads: Callable[[], Question], size: int = 10) -> list[object]:
    """The outcomes of calls that wait behind one that is being answered."""
    predictor.gate = threading.Event()

    async def within() -> list[object]:
        inference = Inference(predictor, limits)
        try:
            first = asyncio.ensure_future(inference.answer(lambda: question([1.0]), size))
            await asyncio.to_thread(predictor.started.wait, 30)
            others = [asyncio.ensure_future(inference.answer(read, size)) for read in reads]
            await asyncio.sleep(0.01)
            assert predictor.gate is not None
            predictor.gate.set()
            return await asyncio.gather(first, *others, return_exceptions=True)
        finally:
            await asyncio.to_thread(inference.close)

    return asyncio.run(within())


def test_what_waits_together_is_answered_by_one_run() -> None:
    predictor = Doubling()
    outcomes = together(
        predictor, Limits(merge_rows=100), *(lambda k=k: question([k, k + 0.5]) for k in (2.0, 3.0, 4.0))
    )
    assert predictor.runs == [1, 6]
    assert [one.body for one in outcomes[1:] if isinstance(one, Reply)] == [
        expected([2.0, 2.5]),
        expected([3.0, 3.5]),
        expected([4.0, 4.5]),
    ]


def test_without_merging_each_has_a_run_of_its_own() -> None:
    predictor = Doubling()
    together(predictor, Limits(), *(lambda k=k: question([k]) for k in (2.0, 3.0)))
    assert predictor.runs == [1, 1, 1]


def test_one_bad_request_fails_alone() -> None:
    predictor = Doubling()
    outcomes = together(
        predictor, Limits(merge_rows=100), lambda: question([2.0]), lambda: question([POISON]), lambda: question([3.0])
    )
    assert isinstance(outcomes[2], InputError)
    assert [one.body for one in outcomes if isinstance(one, Reply)] == [expected([k]) for k in (1.0, 2.0, 3.0)]


def test_a_queue_is_bounded_in_bytes() -> None:
    outcomes = together(Doubling(), Limits(bytes=25), *(lambda: question([2.0]) for _ in range(3)))
    assert [isinstance(one, Busy) for one in outcomes] == [False, False, True, True]


def test_what_was_answered_counts_no_longer() -> None:
    predictor = Doubling()

    async def within() -> list[type]:
        inference = Inference(predictor, Limits(bytes=25))
        for _ in range(5):
            await inference.answer(lambda: question([1.0]), 10)
        both = (inference.answer(lambda: question([2.0]), 10) for _ in range(2))
        outcomes = await asyncio.gather(*both, return_exceptions=True)
        await asyncio.to_thread(inference.close)
        return [type(one) for one in outcomes]

    assert asyncio.run(within()) == [Reply, Reply]


def test_one_request_larger_than_the_queue_is_answered_where_it_is_alone() -> None:
    outcomes = together(Doubling(), Limits(bytes=5))
    assert isinstance(outcomes[0], Reply)


def test_whoever_waits_at_the_end_is_told() -> None:
    predictor = Doubling(gate=threading.Event())

    async def within() -> object:
        inference = Inference(predictor, Limits())
        waiting = asyncio.ensure_future(inference.answer(lambda: question([1.0]), 1))
        await asyncio.to_thread(predictor.started.wait, 30)
        inference.stop_answering()
        outcomes = await asyncio.gather(waiting, inference.answer(lambda: question([1.0]), 1), return_exceptions=True)
        assert predictor.gate is not None
        predictor.gate.set()
        await asyncio.to_thread(inference.close)
        return [type(one) for one in outcomes]

    assert asyncio.run(within()) == [Stopping, Stopping]


def test_a_request_whose_client_has_gone_is_not_asked_of_the_model() -> None:
    predictor = Doubling(gate=threading.Event())

    async def within() -> list[type]:
        inference = Inference(predictor, Limits())
        first = asyncio.ensure_future(inference.answer(lambda: question([1.0]), 1))
        await asyncio.to_thread(predictor.started.wait, 30)
        leave: list[Callable[[], None]] = []
        second = asyncio.ensure_future(inference.answer(lambda: question([2.0] * 7), 1, on_wait=leave.append))
        await asyncio.sleep(0.01)
        leave[0]()
        assert predictor.gate is not None
        predictor.gate.set()
        outcomes = await asyncio.gather(first, second, return_exceptions=True)
        await asyncio.to_thread(inference.close)
        return [type(one) for one in outcomes]

    assert asyncio.run(within()) == [Reply, Gone]
    assert predictor.runs == [1]
