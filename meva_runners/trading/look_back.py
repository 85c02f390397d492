"""Answer what was decided, and why an order was sent, from memory and from the journal; never hold up the agent.

The journal is read in a thread of its own, in steps of as many rows as last fitted in half a millisecond, of which the
store shows a few at most: a commit that comes meanwhile waits for one step at most, and the loop waits for none. Rows
larger than those before make one step longer. An answer takes a second at most, and says where to go on.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import Final, TypeVar

from attrs import define

from meva_core.agent.decision_lines import SOURCES, lines_of, story_goes_on
from meva_core.agent.operator_view import OperatorView
from meva_core.errors import StorageError
from meva_core.model.market import NS_PER_SECOND
from meva_core.ports.controls import DecisionPage, DecisionView
from meva_core.ports.storage import OrderSpan, Session, Sight, Wanted
from meva_runners.trading.writer_thread import WriterThread

# What a person waits for gladly, and far below the patience of the controls (5 s).
ANSWER_S_MAX: Final = 1.0
# A disk that does not answer for so long hangs: what is remembered must do.
_STEP_S_MAX: Final = 1.5
_ROWS_MIN: Final = 8
_ROWS_MAX: Final = 512
# A step that took longer is halved, one that took less than half of it doubled.
_STEP_S: Final = 0.000_5
# Between two steps the thread of the commits has its turn.
_PAUSE_S: Final = 0.001
# After an order is over, answers that were under way still come; a fill that comes later moves its end.
_LINGER_NS: Final = 600 * NS_PER_SECOND
_NEWEST: Final = 1 << 62

T = TypeVar("T")
_Lines = tuple[DecisionView, ...]


@define
class _Pace:
    """Say how many rows a step takes, and whether there is time for another."""

    began_s: float
    rows: int = _ROWS_MIN

    def took(self, step_s: float) -> None:
        """Learn how long a step took."""
        if step_s > _STEP_S:
            self.rows = max(_ROWS_MIN, self.rows // 2)
        elif step_s < _STEP_S / 2:
            self.rows = min(_ROWS_MAX, self.rows * 2)

    @property
    def ends(self) -> bool:
        """Return whether the answer must be given now."""
        return time.monotonic() - self.began_s >= ANSWER_S_MAX


class LookBack:
    """Look back over *session*; *view* remembers what is newest, committed or not."""

    def __init__(self, session: Session, view: OperatorView) -> None:
        self._session = session
        self._view = view
        self._thread: WriterThread | None = None
        self._turn = asyncio.Lock()

    async def decisions(self, *, before: int, limit: int, kind: str) -> DecisionPage:
        """Return the last *limit* decisions of *kind* before event *before*; see the port."""
        newest_first: list[_Lines] = []
        reached, left = before, limit
        for lines in self._view.said(before):
            reached = lines[0].sequence
            left -= _keep(newest_first, [line for line in lines if kind in {"", line.kind}])
            if left <= 0:
                return _turned(newest_first, reached)
        try:
            async with self._turn:
                async for sight in self._back(reached or _NEWEST, SOURCES.get(kind)):
                    for happening in reversed(sight.found):
                        reached = happening.sequence
                        said = [line for line in lines_of(happening) if kind in {"", line.kind}]
                        left -= _keep(newest_first, said)
                        if left <= 0:
                            return _turned(newest_first, reached)
                    reached = sight.reached
        except StorageError:
            if not newest_first:
                raise
        return _turned(newest_first, reached)

    async def why(self, client_order_id: str, *, after: int, limit: int) -> DecisionPage | None:
        """Return what led to an order and what became of it; see the port."""
        failure: StorageError | None = None
        try:
            async with self._turn:
                last, span = await self._read(
                    lambda: (self._session.last_sequence(), self._session.span_of(client_order_id))
                )
                if span is not None:
                    return await self._story(client_order_id, span, after=after, limit=limit, last=last)
        except StorageError as error:
            failure = error
        # It was decided a moment ago and is not committed yet, or the disk fails: what is remembered must do.
        remembered = self._view.said_of(client_order_id, after_sequence=after)
        if not remembered and failure is not None:
            raise failure
        return DecisionPage(remembered, 0) if remembered else None

    def close(self) -> None:
        """Let the thread end."""
        if self._thread is not None:
            self._thread.shutdown(0)

    async def _story(self, name: str, span: OrderSpan, *, after: int, limit: int, last: int) -> DecisionPage:
        """Return the story of an order that the journal knows, and what memory adds to its *last* event."""
        lines: list[DecisionView] = []
        reached = max(after, span.sequence - 1)
        async for sight in self._on(name, reached):
            for happening in sight.found:
                lines += story_goes_on(name, lines, happening, ended_ns=span.ended_ns)
                last = max(last, happening.sequence)
                if len(lines) >= limit:
                    return DecisionPage(tuple(lines), happening.sequence)
            reached = sight.reached
            if span.ended_ns and sight.reached_ns > span.ended_ns + _LINGER_NS:
                reached = 0
                break
        if not reached:
            lines += self._view.said_of(name, after_sequence=max(last, after), ended_ns=span.ended_ns)
        return DecisionPage(tuple(lines), reached)

    def _back(self, before: int, wanted: Wanted | None) -> AsyncIterator[Sight]:
        return self._looks(
            before, lambda reached, rows: self._session.look_back(reached, rows_max=rows, wanted=wanted)
        )

    def _on(self, name: str, after: int) -> AsyncIterator[Sight]:
        return self._looks(after, lambda reached, rows: self._session.look_for(name, reached, rows_max=rows))

    async def _looks(self, reached: int, look: Callable[[int, int], Sight]) -> AsyncIterator[Sight]:
        """Yield one sight after the other until there is no more, or no time. Whoever reads has the turn."""
        pace = _Pace(time.monotonic())
        while True:
            sight, took_s = await self._read(partial(_timed, look, reached, pace.rows))
            yield sight
            if not sight.reached or pace.ends:
                return
            reached = sight.reached
            pace.took(took_s)
            await asyncio.sleep(_PAUSE_S)

    async def _read(self, work: Callable[[], T]) -> T:
        """Return what *work* gives, done in the thread; raise `StorageError` where the disk does not answer."""
        loop = asyncio.get_running_loop()
        done: asyncio.Future[T] = loop.create_future()
        results: list[T] = []

        def told(failure: BaseException | None) -> None:
            with suppress(RuntimeError):  # A loop that has ended waits for nothing.
                loop.call_soon_threadsafe(_settle, done, failure, results)

        if self._thread is None:
            self._thread = WriterThread("look-back")
        self._thread.submit(lambda: results.append(work()), told)
        try:
            return await asyncio.wait_for(done, _STEP_S_MAX)
        except TimeoutError:
            problem = f"does not answer: a look back has not come to its end for {_STEP_S_MAX:g} s."
            raise StorageError("the journal", problem, "Look at the disk.") from None


def _timed(look: Callable[[int, int], Sight], reached: int, rows: int) -> tuple[Sight, float]:
    began_s = time.perf_counter()
    sight = look(reached, rows)
    return sight, time.perf_counter() - began_s


def _settle(done: asyncio.Future[T], failure: BaseException | None, results: list[T]) -> None:
    if done.done():
        return  # Nobody waits any more.
    if failure is None:
        done.set_result(results[0])
    else:
        done.set_exception(failure)


def _keep(found: list[_Lines], lines: Sequence[DecisionView]) -> int:
    """Add *lines* of one event to *found*; return how many they are."""
    if lines:
        found.append(tuple(lines))
    return len(lines)


def _turned(newest_first: list[_Lines], reached: int) -> DecisionPage:
    return DecisionPage(tuple(line for lines in reversed(newest_first) for line in lines), reached)
