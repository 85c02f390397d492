"""Make what an agent has handled durable, in one thread, so that the loop never waits for a disk.

One write is under way at a time; whoever asks meanwhile shares the next one. Promises are kept by the faster write that
only secures what a commit will take over; a commit that was asked for waits for one such write at most. After a failed
write there is none.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from queue import SimpleQueue
from threading import Lock, Thread
from typing import Final

from meva_runners.commit_then_act import CommittingAgent

Promise = asyncio.Future[None]

# Python lets one thread run at a time, and for 5 ms: without a break the writer would begin when the loop is idle.
_BREAK_S_MAX: Final = 0.001


class JournalWriter:
    """Commit for *process*; *on_failure* hears of the one write that failed."""

    def __init__(self, process: CommittingAgent, *, on_failure: Callable[[BaseException], None]) -> None:
        self._process = process
        self._on_failure = on_failure
        self._work: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._thread = Thread(target=self._run, name="journal", daemon=True)
        self._thread.start()
        self._waiting: list[Promise] = []
        self._wanted = self._busy = self._secured = False
        self._failure: BaseException | None = None
        self._idle = asyncio.Event()
        self._idle.set()

    def durable(self) -> Promise:
        """Return the promise that everything handled so far is durable; a failed write breaks it."""
        promise: Promise = asyncio.get_running_loop().create_future()
        if self._failure is None:
            self._waiting.append(promise)
            self._start_if_idle()
        else:
            promise.set_exception(self._failure)
        return promise

    def request(self) -> None:
        """Commit what has been handled so far, as soon as the write before it is done."""
        self._wanted = True
        self._start_if_idle()

    async def close(self) -> None:
        """Wait for the writes that were asked for, and end the thread."""
        await self._idle.wait()
        self._work.put(None)
        self._thread.join()

    def _run(self) -> None:
        """Do the work, in the thread."""
        while (work := self._work.get()) is not None:
            work()

    def _start_if_idle(self) -> None:
        if not self._busy and self._failure is None:
            self._start()

    def _start(self) -> None:
        self._secured = bool(self._waiting) and not (self._wanted and self._secured)
        self._wanted, self._busy = self._wanted and self._secured, True
        self._idle.clear()
        waiting, self._waiting = self._waiting, []
        try:
            write = self._process.securing() if self._secured else self._process.committing()
        except Exception as failure:  # noqa: BLE001 - what cannot be laid out cannot be written.
            self._finish(waiting, failure)
            return
        loop = asyncio.get_running_loop()
        begun = Lock()
        begun.acquire()

        def work() -> None:
            begun.release()
            failure = None
            try:
                write()
            except BaseException as problem:  # noqa: BLE001 - the loop hears of it.
                failure = problem
            loop.call_soon_threadsafe(self._finish, waiting, failure)

        self._work.put(work)
        if waiting:
            begun.acquire(timeout=_BREAK_S_MAX)

    def _finish(self, waiting: list[Promise], failure: BaseException | None) -> None:
        self._busy = False
        if failure is not None:
            self._break([*waiting, *self._waiting], failure)
            return
        for promise in waiting:
            if not promise.done():  # Whoever waited may have been cancelled.
                promise.set_result(None)
        if self._wanted or self._waiting:
            self._start()
        else:
            self._idle.set()

    def _break(self, promises: list[Promise], failure: BaseException) -> None:
        self._failure = failure
        self._waiting = []
        for promise in promises:
            if not promise.done():
                promise.set_exception(failure)
                promise.exception()  # It is told by `on_failure`, whether or not somebody still waits.
        self._idle.set()
        self._on_failure(failure)
