"""Inference beside the event loop: one thread, a bounded queue, and a time limit for whoever waits."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

_STOPPING = "the server is shutting down"


class Busy(Exception):
    """The queue is full, or the answer took too long: the client may try again."""


class Worker:
    """Owns the thread that answers; onnxruntime spreads each answer over the cores itself."""

    def __init__(self, answer: Callable[[bytes], bytes], *, waiting: int, timeout_s: float) -> None:
        self._answer = answer
        self._waiting = waiting
        self._timeout_s = timeout_s
        self._held = 0
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="inference")
        self._waiters: set[asyncio.Task[bytes]] = set()
        self._stopped = False

    async def answer(self, body: bytes) -> bytes:
        """The answer to `body`; `Busy` when `waiting` others are held already, or after `timeout_s`."""
        if self._stopped:
            raise Busy(_STOPPING)
        if self._held >= self._waiting:
            raise Busy(f"{self._waiting} requests are waiting already")
        self._held += 1
        running = self._thread.submit(self._answer, body)
        # Freed when the thread is done with it, which may be after its client has given up.
        loop = asyncio.get_running_loop()
        running.add_done_callback(lambda _: _tell(loop, self._free))
        waiter = asyncio.ensure_future(self._wait(running))
        self._waiters.add(waiter)
        waiter.add_done_callback(self._waiters.discard)
        try:
            return await waiter
        except asyncio.CancelledError:
            if self._stopped:
                raise Busy(_STOPPING) from None
            waiter.cancel()
            raise

    def stop_answering(self, *, after_s: float) -> None:
        """After so many seconds whoever waits for an answer, or asks for one, gets `Busy`. Called within the loop."""
        asyncio.get_running_loop().call_later(after_s, self._stop)

    def _stop(self) -> None:
        self._stopped = True
        for waiter in tuple(self._waiters):
            waiter.cancel()

    def close(self) -> None:
        """Lets the thread finish what it has begun, forgets the rest, and joins it."""
        self._thread.shutdown(wait=True, cancel_futures=True)

    async def _wait(self, running: Future[bytes]) -> bytes:
        try:
            return await asyncio.wait_for(asyncio.wrap_future(running), self._timeout_s)
        except TimeoutError:
            raise Busy(f"the model did not answer within {self._timeout_s:g} s") from None

    def _free(self) -> None:
        self._held -= 1


def _tell(loop: asyncio.AbstractEventLoop, callback: Callable[[], None]) -> None:
    if not loop.is_closed():  # closing down: nobody counts any more
        loop.call_soon_threadsafe(callback)
