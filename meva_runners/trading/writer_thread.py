"""Do pieces of work one after the other in a thread that nobody has to wait for; decide nothing about them.

The executors of the standard library wait for their threads when the interpreter ends. A disk that hangs would keep the
process for ever.
"""

from __future__ import annotations

from collections.abc import Callable
from queue import SimpleQueue
from threading import Lock, Thread
from typing import Final

Work = Callable[[], None]
Told = Callable[[BaseException | None], None]

# A thread that is called takes a tenth of it to come.
_WAY_S_MAX: Final = 0.001


class WriterThread:
    """Be an executor with one thread, which ends with the process if it does not end before."""

    def __init__(self, name: str) -> None:
        self._queue: SimpleQueue[tuple[Work, Told, Lock] | None] = SimpleQueue()
        self._begun = Lock()
        self._thread = Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def submit(self, work: Work, told: Told) -> None:
        """Have *work* done after all that was submitted before, and *told*, in the thread, of its failure or `None`."""
        self._begun = Lock()
        self._begun.acquire()
        self._queue.put((work, told, self._begun))

    def give_way(self) -> None:
        """Wait until the thread has begun with what was submitted last; it is brief, and it ends in any case.

        Python lets one thread run at a time, and takes away its turn after 5 ms: without a pause the thread would
        begin when the caller has nothing more to do.
        """
        if self._begun.acquire(timeout=_WAY_S_MAX):
            self._begun.release()

    def shutdown(self, wait_s: float) -> bool:
        """Return whether the thread has done everything and ended within *wait_s*."""
        self._queue.put(None)
        self._thread.join(wait_s)
        return not self._thread.is_alive()

    def _run(self) -> None:
        while (task := self._queue.get()) is not None:
            work, told, begun = task
            begun.release()
            failure = None
            try:
                work()
            except BaseException as problem:  # noqa: BLE001 - it belongs to whoever submitted the work.
                failure = problem
            told(failure)
