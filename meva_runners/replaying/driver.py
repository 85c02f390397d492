"""Drive an agent over tapes, event by event: the venue answers, the agent decides, its commands are performed.

There is no domain word in the loop. For every market event, the simulated venue goes first (it fills what had
arrived before), then the agent; what the agent wants is performed at once, and what that answers is handled
before the next event. Nothing an event causes can be filled by that event.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from decimal import getcontext
from importlib.util import find_spec
from time import perf_counter
from typing import TYPE_CHECKING, Final, Protocol, assert_never

from meva_core.agent.orchestrator import AgentOrchestrator
from meva_core.agent.outbox import Outcome, Taker
from meva_core.data.replay_loader import ReplayLoader, Window, bar_of
from meva_core.events import Event, MarketEvent
from meva_core.execution.matching import MatchingEngine
from meva_core.model.money import within
from meva_core.ops.log_records import Kind, Record
from meva_core.ports.market_feed import BarBlock, Block, EventBlock, Tape, TradeBlock
from meva_runners.replaying.performer import SimulatedPerformer

if TYPE_CHECKING:
    from meva_core.agent.market_columns import MarketColumns
    from meva_core.agent.window_columns import WindowColumns

# Called with every outcome that holds something.
Observer = Callable[[Outcome], None]
Run = tuple[Block | Window, int, int]
# Preparing the columns of a run takes as long as handling some hundred trades.
COLUMNS_FROM: Final = 256


class Recorder(Protocol):
    """Keep what was handled: the quiet rows of a block in bulk, everything else one by one."""

    def begin(self, block: Block, start: int) -> None:
        """Learn that rows of *block* from *start* on come next."""
        ...

    def record(self, event: Event, outcome: Outcome) -> None:
        """Keep an event with what followed; the rows before it were quiet."""
        ...

    def record_row(self, outcome: Outcome) -> None:
        """Keep the newest row with what followed; the rows before it were quiet."""
        ...

    def end(self, sequence: int) -> None:
        """Learn that all rows up to *sequence* were handled."""
        ...


class NoRecorder:
    """Keep nothing."""

    def begin(self, block: Block, start: int) -> None:
        """Do nothing."""

    def record(self, event: Event, outcome: Outcome) -> None:
        """Do nothing."""

    def record_row(self, outcome: Outcome) -> None:
        """Do nothing."""

    def end(self, sequence: int) -> None:
        """Do nothing."""


class ReplayDriver:
    """Run one agent against one simulated venue.

    *takers* are told facts as they happen; *observers* are shown records of the kinds *read*, `None` for all.
    *market_events* counts what the tapes gave, *passed_over* those of them that columns showed to be quiet,
    *load_seconds* the time spent reading them, *run_seconds* the time spent on everything else. Runs of at least
    *columns_from* trades are searched by columns; `None`: none is.
    """

    def __init__(
        self,
        agent: AgentOrchestrator,
        venue: MatchingEngine,
        *,
        takers: Mapping[Kind, Taker] | None = None,
        observers: Sequence[Observer] = (),
        read: Collection[type[Record]] | None = None,
        recorder: Recorder | None = None,
        columns_from: int | None = COLUMNS_FROM,
    ) -> None:
        self.agent = agent
        self.venue = venue
        self.market_events = self.passed_over = 0
        self.first_ns = self.last_ns = 0
        self.load_seconds = self.run_seconds = 0.0
        self._takers = takers or {}
        self._observers = tuple(observers)
        self._read = read if observers else ()
        self.record_with(recorder)
        self._columns_from = columns_from
        self._unfit: set[str] = set()  # Strategies whose guard or features cannot be told from columns.
        self._performer = SimulatedPerformer(venue, agent.permits)
        self._context = getcontext()  # In which strategies and observers calculate.

    def run(
        self,
        tapes: Sequence[Tape],
        *,
        start_ns: int | None = None,
        end_ns: int | None = None,
        on_progress: Callable[[], None] | None = None,
        stops: Iterable[int] = (),
    ) -> Iterator[int]:
        """Handle every event of *tapes*, pausing after so many market events as *stops* (rising) says.

        Yields the number of market events at each stop, and once at the end.
        """
        runs = ReplayLoader().pieces(tapes, start_ns, end_ns, window_rows=self._window_rows())
        pieces = self._pieces(runs, iter(stops))
        while True:
            began = perf_counter()
            piece = next(pieces, None)
            loaded = perf_counter()
            self.load_seconds += loaded - began
            if piece is None:
                break
            block, start, stop, is_stop = piece
            if stop > start:
                self._handle_rows(block, start, stop)
            self.run_seconds += perf_counter() - loaded
            if on_progress is not None:
                on_progress()
            if is_stop:
                yield self.market_events
        yield self.market_events

    def finish(self) -> None:
        """Value the account a last time."""
        began = perf_counter()
        self._observe(self.agent.finish())
        self.run_seconds += perf_counter() - began

    def record_with(self, recorder: Recorder | None) -> None:
        """Keep everything that is handled from now on, `None` for nothing."""
        self._recorder = recorder or NoRecorder()
        self._is_recorded = recorder is not None
        self._listen()

    def take_over(self, agent: AgentOrchestrator, venue: MatchingEngine) -> None:
        """Go on with another agent and venue, restored from a checkpoint of these."""
        self.agent, self.venue = agent, venue
        self._performer = SimulatedPerformer(venue, agent.permits)
        self._listen()

    def _listen(self) -> None:
        """Have the agent say as much as somebody reads; a recorder reads everything."""
        self.agent.tell(self._takers, read=None if self._is_recorded else self._read)

    def _window_rows(self) -> int | None:
        """Return from how many rows on markets that take turns are looked at together; `None`: never.

        A recorder is told of rows in runs of one market, which such a window has next to none of.
        """
        return None if self._is_recorded or not _has_numpy() else self._columns_from

    def _pieces(
        self, runs: Iterator[Run], stops: Iterator[int]
    ) -> Iterator[tuple[Block | Window, int, int, bool]]:
        """Cut *runs* so that every stop is the end of a piece."""
        due = next(stops, None)
        handled = 0
        for block, first, last in runs:
            start = first
            while due is not None and handled + last - start >= due:
                stop = start + due - handled
                yield block, start, stop, True
                handled, start = due, stop
                due = next(stops, None)
            if start < last:
                yield block, start, last, False
                handled += last - start

    def _handle_rows(self, block: Block | Window, start: int, stop: int) -> None:
        if not isinstance(block, Window):
            self._recorder.begin(block, start)
        match block:
            case Window():
                first_ns, last_ns = self._handle_window(block, start, stop)
            case TradeBlock():
                self._handle_trades(block, start, stop)
                first_ns, last_ns = block.times[start], block.times[stop - 1]
            case BarBlock():
                self._handle_bars(block, start, stop)
                first_ns, last_ns = (block.open_times[row] + block.interval_ns for row in (start, stop - 1))
            case EventBlock():
                for event in block.events[start:stop]:
                    self._handle_event(event)
                first_ns, last_ns = block.events[start].time_ns, block.events[stop - 1].time_ns
            case _:
                assert_never(block)
        self._recorder.end(self.agent.sequence)
        self.market_events += stop - start
        self.first_ns = self.first_ns or first_ns
        self.last_ns = last_ns

    def _handle_window(self, window: Window, start: int, stop: int) -> tuple[int, int]:
        """Pass over the quiet rows of several markets together, handle the others; return the first and last time."""
        from meva_core.agent.window_columns import WindowColumns

        blocks = [block for block, _, _ in window.runs]
        markets = {
            block.symbol: (self.agent.path(block.symbol), self.venue.market(block.symbol)) for block in blocks
        }
        columns = WindowColumns(window, start, stop, markets=markets, unfit=self._unfit)
        handlers = [self._row_handler(block) for block in blocks]
        end = stop - start
        try:
            at = self._pass_window(columns, handlers, end)
        finally:
            columns.settle()  # A strategy that failed stops the replay amid the window.
        for place in range(at, end):
            handlers[columns.owners[place]](columns.step(place).row - 1)
        return columns.times[0], columns.times[-1]

    def _pass_window(
        self, columns: WindowColumns, handlers: Sequence[Callable[[int], None]], end: int
    ) -> int:
        """Do as `_pass_quiet` does, in the common order of several markets."""
        at = 0
        while at < end and columns.usable:
            passed = columns.skip(at)
            if passed > at:
                self.passed_over += passed - at
                at = passed
                if columns.spoke:
                    columns.settle()
                    self._answer(columns.times[at - 1])
                    continue
                if at == end:
                    break
            handlers[columns.owners[at]](columns.step(at).row - 1)
            at += 1
        return at

    def _row_handler(self, block: TradeBlock | BarBlock) -> Callable[[int], None]:
        """Return what handles a row of *block*: the venue first, then the agent."""
        show_venue, show_agent = self._row_sides(block)

        def handle(row: int) -> None:
            show_venue(row)
            show_agent(row)

        return handle

    def _row_sides(self, block: TradeBlock | BarBlock) -> tuple[Callable[[int], None], Callable[[int], None]]:
        """Return what shows a row of *block* to the venue, and what shows it to the agent after that."""
        return self._trade_sides(block) if isinstance(block, TradeBlock) else self._bar_sides(block)

    def _trade_sides(self, block: TradeBlock) -> tuple[Callable[[int], None], Callable[[int], None]]:
        market = self.venue.market(block.symbol)
        on_trade = self.agent.path(block.symbol).on_trade
        times, prices, lots, sides, ids = (
            block.times,
            block.prices,
            block.quantities,
            block.taker_sides,
            block.ids,
        )

        def show_venue(row: int) -> None:
            if market.waiting:
                self._deliver(market.on_trade(times[row], prices[row], lots[row], sides[row]))
            else:
                market.last_ticks = prices[row]

        def show_agent(row: int) -> None:
            time_ns = times[row]
            if on_trade(time_ns, prices[row], lots[row], ids[row]):
                self._answer(time_ns)

        return show_venue, show_agent

    def _bar_sides(self, block: BarBlock) -> tuple[Callable[[int], None], Callable[[int], None]]:
        market = self.venue.market(block.symbol)
        on_bar = self.agent.path(block.symbol).on_bar

        def show_venue(row: int) -> None:
            if market.waiting:
                candle = bar_of(block, row)
                self._deliver(market.on_bar(candle, candle.close_ns))
            else:
                market.last_ticks = block.closes[row]

        def show_agent(row: int) -> None:
            candle = bar_of(block, row)
            close_ns = candle.close_ns
            if on_bar(close_ns, candle, block.interval_ns):
                self._answer(close_ns)

        return show_venue, show_agent

    def _handle_trades(self, block: TradeBlock, start: int, stop: int) -> None:
        row = self._pass_quiet(block, start, stop)
        self._handle_each_trade(block, row, stop)

    def _pass_quiet(self, block: TradeBlock | BarBlock, start: int, stop: int) -> int:
        """Pass over the quiet rows by columns and handle the others; return the row from which on that is no use."""
        columns = self._columns(block, start, stop)
        if columns is None:
            return start
        with within(self._context):
            try:
                return self._pass_by(columns, block, start, stop)
            finally:
                columns.catch_up()  # A strategy that failed stops the replay amid the run.

    def _pass_by(self, columns: MarketColumns, block: TradeBlock | BarBlock, start: int, stop: int) -> int:
        market, seen = self.venue.market(block.symbol), self.agent.path(block.symbol).market
        show_venue, _ = self._row_sides(block)
        prices = block.prices if isinstance(block, TradeBlock) else block.closes
        row = start
        while row < stop and columns.usable:
            if market.waiting:
                show_venue(row)  # It fills what had arrived; the row itself may be a quiet one.
            if not market.waiting:
                passed = columns.skip(row)
                if passed > row:
                    self.passed_over += passed - row
                    row = passed
                    market.last_ticks = seen.last_ticks
                    if columns.spoke:
                        columns.settle(row)
                        self._answer(seen.last_ns)
                        continue
                    if row == stop:
                        break
                market.last_ticks = prices[row]
            if columns.handle(row):
                self._answer(columns.times[row])
            row += 1
        columns.settle(row)
        return row

    def _columns(self, block: TradeBlock | BarBlock, start: int, stop: int) -> MarketColumns | None:
        """Return what passes over quiet rows; `None` where numpy is missing, or the rows do not allow it."""
        if self._columns_from is None or stop - start < self._columns_from:
            return None
        try:
            from meva_core.agent.market_columns import columns_for
        except ImportError:  # numpy is an extra; without it every event is handled by itself.
            self._columns_from = None
            return None
        columns = columns_for(self.agent.path(block.symbol), block, start, stop, unfit=self._unfit)
        return columns if columns.usable else None

    def _answer(self, time_ns: int) -> None:
        """Record what followed from the newest row, and perform it."""
        outcome = self.agent.take()
        self._recorder.record_row(outcome)
        self._follow(outcome, time_ns)

    def _handle_each_trade(self, block: TradeBlock, start: int, stop: int) -> None:
        market = self.venue.market(block.symbol)
        on_trade = self.agent.path(block.symbol).on_trade
        rows = zip(
            block.times[start:stop],
            block.prices[start:stop],
            block.quantities[start:stop],
            block.taker_sides[start:stop],
            block.ids[start:stop],
            strict=True,
        )
        for time_ns, price, lots, side, trade_id in rows:
            if market.waiting:
                self._deliver(market.on_trade(time_ns, price, lots, side))
            else:
                market.last_ticks = price
            if on_trade(time_ns, price, lots, trade_id):
                self._answer(time_ns)

    def _handle_bars(self, block: BarBlock, start: int, stop: int) -> None:
        handle = self._row_handler(block)
        for row in range(self._pass_quiet(block, start, stop), stop):
            handle(row)

    def _handle_event(self, event: Event) -> None:
        venue = self.venue
        self._deliver(venue.on_market(event) if isinstance(event, MarketEvent) else venue.due(event.time_ns))
        self._deliver((event,))

    def _deliver(self, events: Iterable[Event]) -> None:
        """Let the agent handle *events*, and perform what follows from each."""
        for event in events:
            if self.agent.on_event(event) or self._is_recorded:
                outcome = self.agent.take()
                self._recorder.record(event, outcome)
                self._follow(outcome, event.time_ns)

    def _follow(self, outcome: Outcome, time_ns: int) -> None:
        """Perform the commands of *outcome*, and those of everything that they lead to, in order."""
        self._observe(outcome)
        if not outcome.commands:
            return
        pending = list(outcome.commands)
        for command in pending:  # It grows while it is walked along.
            for event in self._performer.perform(command, time_ns):
                if self.agent.on_event(event) or self._is_recorded:
                    answered = self.agent.take()
                    self._recorder.record(event, answered)
                    self._observe(answered)
                    pending += answered.commands

    def _observe(self, outcome: Outcome) -> None:
        if outcome.facts and self._observers:
            with within(self._context):
                for observe in self._observers:
                    observe(outcome)


def _has_numpy() -> bool:
    """Return whether the extra that columns need is there, without importing it before it is used."""
    return find_spec("numpy") is not None
