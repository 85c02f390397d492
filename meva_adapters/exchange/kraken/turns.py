"""Let private calls leave one after another, and those that make things safer before all others; send nothing.

A call that arrives with a nonce below one that the venue has seen is refused, so only one is on its way at a time. What
is urgent does not wait for the answer of another: a question is given up for it, an order that has not left is told to
come again, and what has left and acts is waited for a short while only.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Coroutine
from typing import Any, Final

from attrs import Factory, define

# So long an urgent call waits for one that has left and acts; a venue that answers at all has answered by then.
PATIENCE_S: Final = 1.0


class OvertakenError(Exception):
    """Report that an urgent call went first: a question was given up, or no byte of another call has left."""


@define(eq=False, kw_only=True)
class Turn:
    """Hold one call's turn. *left* says that its first byte may be on its way, *overtaken* that it is over."""

    urgent: bool
    is_question: bool
    left: bool = False
    overtaken: bool = False
    _begun: asyncio.Event = Factory(asyncio.Event)
    _task: asyncio.Task[Any] | None = None

    async def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Return what *work* returns; raise `OvertakenError` when it is a question that was given up."""
        caller = asyncio.current_task()
        if not self.is_question or caller is None:
            return await work
        cancelled_before = caller.cancelling()
        self._task = asyncio.create_task(work)
        try:
            return await self._task
        except asyncio.CancelledError:
            if self.overtaken and caller.cancelling() == cancelled_before:
                raise OvertakenError from None
            raise

    def begin(self) -> None:
        """Let whoever waits for the turn have it."""
        self._begun.set()

    async def begun(self) -> None:
        """Wait for the turn."""
        await self._begun.wait()

    def overtake(self) -> None:
        """Give the question up, or have the call notice before its first byte that it comes too late."""
        self.overtaken = True
        if self._task is not None:
            self._task.cancel()


class Line:
    """Give out turns, the urgent ones first and otherwise as they were asked for."""

    def __init__(self, *, patience_s: float = PATIENCE_S) -> None:
        self._patience_s = patience_s
        self._urgent: deque[Turn] = deque()
        self._ordinary: deque[Turn] = deque()
        self._current: Turn | None = None
        self._timer: asyncio.TimerHandle | None = None

    async def take(self, *, urgent: bool, is_question: bool) -> Turn:
        """Wait for a turn; who takes one ends it, however the call went."""
        turn = Turn(urgent=urgent, is_question=is_question)
        (self._urgent if urgent else self._ordinary).append(turn)
        self._advance()
        try:
            await turn.begun()
        except asyncio.CancelledError:
            self.end(turn)
            raise
        return turn

    def end(self, turn: Turn) -> None:
        """Let the next have its turn."""
        if turn is self._current:
            self._free()
            return
        for queue in (self._urgent, self._ordinary):
            if turn in queue:
                queue.remove(turn)

    def _free(self) -> None:
        self._current = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._advance()

    def _advance(self) -> None:
        """Give a free turn to the next, and see that the urgent wait for nobody else's."""
        queue = self._urgent or self._ordinary
        if self._current is None and queue:
            self._current = queue.popleft()
            self._current.begin()
        current = self._current
        if current is None or not self._urgent:
            return
        if not current.urgent and (current.is_question or not current.left):
            current.overtake()
            self._free()
        elif self._timer is None:
            self._wait_for(current)

    def _wait_for(self, current: Turn) -> None:
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(self._patience_s, self._lose_patience, current)

    def _lose_patience(self, current: Turn) -> None:
        self._timer = None
        if not self._urgent:
            return
        if not current.left:  # An urgent call that still connects: another would get no further.
            self._wait_for(current)
            return
        current.overtake()
        self._free()
