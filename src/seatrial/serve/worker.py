"""Inference beside the event loop: one thread, a bounded queue, and a time limit for whoever waits."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor


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

    async def answer(self, body: bytes) -> bytes:
        """The answer to `body`; `Busy` when `waiting` others are held already, or after `timeout_s`."""
        if self._held >= self._waiting:
            raise Busy(f"{self._waiting} requests are waiting already")
        self._held += 1
        running = self._thread.submit(self._answer, body)
        # Freed when the thread is done with it, which may be after its client has given up.
        loop = asyncio.get_running_loop()
        running.add_done_callback(lambda _: _tell(loop, self._free))
        return await self._wait(running)

    def close(self) -> None:
        """Lets the thread finish what it has begun, forgets the rest, and joins it."""
        self._thread.shutdown(wait=True, cancel_futures=True)

    async def _wait(self, running: Future[bytes]) -> bytes:
        try:
            return await asyncio.wait_for(asyncio.wrap_future(running), self._timeout_s)
        except TimeoutError:
            raise Busy(f"no answer within {self._timeout_s:g} s") from None

    def _free(self) -> None:
        self._held -= 1


def _tell(loop: asyncio.AbstractEventLoop, callback: Callable[[], None]) -> None:
    if not loop.is_closed():  # closing down: nobody counts any more
        loop.call_soon_threadsafe(callback)
