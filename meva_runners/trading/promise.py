"""Tell whoever waits for something in the very step in which it comes about; decide nothing about it.

A future of asyncio tells a turn of the loop later, when everything else that was ready has had its own. An order that
waits for the disk would wait for the next prices too.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextvars import Context, copy_context

Told = Callable[["Promise"], object]


class Promise(asyncio.Future[None]):
    """Be a future that `keep` ends; cancelled or broken, it tells as any other does."""

    def __init__(self) -> None:
        super().__init__(loop=asyncio.get_running_loop())
        self._waiting: list[tuple[Told, Context]] = []

    def add_done_callback(self, told: Told, /, *, context: Context | None = None) -> None:
        """Have *told* called when it is done."""
        context = context or copy_context()
        super().add_done_callback(told, context=context)
        self._waiting.append((told, context))

    def remove_done_callback(self, told: Told, /) -> int:
        """Forget *told*; return how often it was to be called."""
        self._waiting = [each for each in self._waiting if each[0] != told]
        return super().remove_done_callback(told)

    def keep(self) -> None:
        """End it, and tell everybody now; must not be called from within a task, for it goes on with others."""
        if self.done():  # Whoever waited may have been cancelled.
            return
        waiting, self._waiting = self._waiting, []
        for told, _ in waiting:
            super().remove_done_callback(told)
        self.set_result(None)
        for told, context in waiting:
            try:
                context.run(told, self)
            except Exception as failure:  # noqa: BLE001 - what fails there must not keep the others waiting.
                message = "told of a kept promise, it failed"
                self.get_loop().call_exception_handler({"message": message, "exception": failure})
