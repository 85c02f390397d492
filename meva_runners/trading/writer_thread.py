"""Do pieces of work one after the other in a thread that nobody has to wait for; decide nothing about them.

The executors of the standard library wait for their threads when the interpreter ends. A disk that hangs would keep the
process for ever.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from queue import SimpleQueue
from threading import Thread

Work = Callable[[], None]


class WriterThread:
    """Be an executor with one thread, which ends with the process if it does not end before."""

    def __init__(self, name: str) -> None:
        self._queue: SimpleQueue[tuple[Work, Future[None]] | None] = SimpleQueue()
        self._thread = Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def submit(self, work: Work) -> Future[None]:
        """Have *work* done after all that was submitted before; return where its end is told."""
        done: Future[None] = Future()
        self._queue.put((work, done))
        return done

    def shutdown(self, wait_s: float) -> bool:
        """Return whether the thread has done everything and ended within *wait_s*."""
        self._queue.put(None)
        self._thread.join(wait_s)
        return not self._thread.is_alive()

    def _run(self) -> None:
        while (task := self._queue.get()) is not None:
            work, done = task
            try:
                work()
            except BaseException as failure:  # noqa: BLE001 - it belongs to whoever submitted the work.
                done.set_exception(failure)
            else:
                done.set_result(None)
