"""Keep the books of a recorded session again, from its journal and market data alone, and tell a report what they say.

The agent's own valuation, profit and loss and data checks run over the recorded events; what was decided and sent is
taken from the journal, whose chains are checked row by row. No strategy runs, so this is several times faster than a
replay. Money comes out as the agent had it, to the last digit.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from typing import Any, ClassVar, Final

import orjson
from attrs import evolve, frozen

from meva_adapters.feed.session_tape import SessionTape
from meva_adapters.storage.codec import decode_event
from meva_core.agent.decision_chain import FIRST_LINK, next_link
from meva_core.agent.order_desk import slippage_bps
from meva_core.config.schema import AppConfig
from meva_core.errors import MissingMarkError, StorageError
from meva_core.events import (
    AgentStarted,
    CorrectionRequested,
    CostRecorded,
    Event,
    KillReleaseRequested,
    OperatorEvent,
    OrderQueryAnswered,
    RiskBudgetRequested,
    StreamConnected,
    StreamGapDetected,
    StreamLost,
    TransferAnswerRequested,
    TransferSettled,
    VenueStateObserved,
)
from meva_core.execution.order_lifecycle import OrderReport
from meva_core.model.fill import Fill
from meva_core.model.money import EXACT, ZERO, exact
from meva_core.model.order import OrderStatus
from meva_core.ops.log_records import DayClosed, EquityMarked, FillBooked, MoneyBooked
from meva_core.ops.report_collector import ReportCollector
from meva_core.portfolio.corrections import COSTS
from meva_core.portfolio.transfer_book import TransferStatus
from meva_core.risk.gate import DRAWDOWN
from meva_runners.composition import Books, compose_books
from meva_runners.sessions.market import MarketRows, Row, TradeRows
from meva_runners.sessions.orders import ASKED, REPORTS, SessionOrders, stored_fill

_NEVER: Final = 1 << 63
_WAITING: Final = (OrderStatus.SUBMITTED, OrderStatus.PENDING_CANCEL)
_REMEDY: Final = "Restore the file from a backup; what lies before that event is sound."


@frozen
class Standing:
    """Hold what the account stands at: equity, and the sums that explain how it came to that."""

    equity: Decimal
    realized: Decimal
    fees: Decimal
    transfers: Decimal
    unrealized: Decimal


class SessionBooks:
    """Read one session from its beginning to *end_ns*, and tell *collector* what lies at or after *start_ns*.

    `read` raises `StorageError` at the first event that was changed or lost, or whose decisions do not lead to the
    recorded link of the decision chain. Afterwards *opened* and *closed* say what the account stood at when the
    period began and ended; they are `None` where no event of the session lies in it.
    """

    def __init__(
        self,
        tape: SessionTape,
        config: AppConfig,
        collector: ReportCollector,
        *,
        start_ns: int = 0,
        end_ns: int = _NEVER,
    ) -> None:
        # What was proposed and answered stands in the journal; books that proposed too would settle other transfers.
        quiet = evolve(config.treasury, max_transfer_share=ZERO)
        self.books: Books = compose_books(evolve(config, treasury=quiet))
        self._limits, self._budget = config.risk, config.risk.max_portfolio_exposure
        self.opened: Standing | None = None
        self.closed: Standing | None = None
        self.link = FIRST_LINK
        self.problems_before: dict[str, int] = {}
        self._tape = tape
        self._collector = collector
        self._start_ns, self._end_ns = start_ns, end_ns
        self._turn_ns = start_ns
        self._live = self._over = self._fallen = False
        self._agent, self._runtime, self._account = self.books.agent, self.books.runtime, self.books.account
        self._transfers = self.books.agent.services.treasury.transfers
        self._orders = SessionOrders(self._runtime.state.open_orders)
        self._booked: set[tuple[str, str]] = set()
        self._strategy = self._symbol = ""  # Of the signal that is judged.
        self._market = MarketRows(tape, self.books.agent, self._runtime, start_ns, end_ns)
        self._rows = tape.journal_rows()
        self._row: tuple[Any, ...] = ()
        self._next = 0  # The sequence of `_row`.

    def read(self) -> None:
        """Keep the books to the end of the period, or of the session."""
        with exact():
            self._read()

    def _read(self) -> None:
        handled = 0
        self._advance()
        for rows in self._market.batches(self._collector):
            handled += self._take_trades(rows) if isinstance(rows, TradeRows) else self._take_rows(rows)
            if self._over:
                return
        while self._next < _NEVER:
            handled += self._take()
            if self._over:
                return
        if handled != self._tape.last_sequence:
            problem = f"holds {handled} of the {self._tape.last_sequence} events that were committed."
            raise StorageError(self._tape.source, problem, _REMEDY)
        self._end()

    @property
    def max_drawdown(self) -> Decimal:
        """Return the largest fall from a peak in the period, exact at every event."""
        return self._account.max_drawdown

    def problems(self) -> dict[str, int]:
        """Return how often market data was not used since the session began, by symbol and cause."""
        return self._agent.data_problems()

    def _take_rows(self, rows: Iterable[Row]) -> int:
        """Handle market events with what lies between them; return how many events that were."""
        handled = 0
        for sequence, time_ns, handle, arguments in rows:
            while self._next < sequence and not self._over:
                handled += self._take()
            if time_ns >= self._turn_ns:
                self._turn(time_ns)
            if self._over:
                break
            handled += 1
            if handle(*arguments):
                self._drain_market()
            if self._next == sequence:
                self._decide(time_ns)
                self._advance()
        return handled

    def _take_trades(self, rows: TradeRows) -> int:
        """Do the same for trades in columns, from one row of the journal to the next."""
        sequences, times = rows.sequences, rows.times
        handled = first = 0
        while first < len(times):
            while self._next < sequences[first] and not self._over:
                handled += self._take()
            if times[first] >= self._turn_ns:
                self._turn(times[first])
            if self._over:
                break
            last = bisect_right(sequences, self._next, first)
            if times[last - 1] >= self._turn_ns:
                last = next(row for row in range(first, last) if times[row] >= self._turn_ns)
            rows.handle(first, last, self._drain_market)
            handled += last - first
            first = last
            if self._next == sequences[last - 1]:
                self._decide(times[last - 1])
                self._advance()
        return handled

    def _drain_market(self) -> None:
        self._drain(self._agent.take().records)

    def _advance(self) -> None:
        row = next(self._rows, None)
        self._row, self._next = ((), _NEVER) if row is None else (row, row[0])

    def _take(self) -> bool:
        """Handle the event of the present row, which stands in the journal alone; return whether it was handled."""
        sequence, time_ns, kind, event = self._row[:4]
        if event is None:
            raise StorageError(self._tape.source, f"has lost event {sequence}.", _REMEDY)
        if time_ns >= self._turn_ns:
            self._turn(time_ns)
            if self._over:
                return False
        if kind == "OrderFilled":
            self._fill_of(orjson.loads(event)["$OrderFilled"])
        elif kind in REPORTS:
            self._report(kind, orjson.loads(event)["$" + kind])
        else:
            self._handle(decode_event(event, source=f"{self._tape.source}, event {sequence}"))
        self._collector.events[kind] += self._live
        self._decide(time_ns)
        self._advance()
        return True

    def _turn(self, time_ns: int) -> None:
        """Begin the period at its first event, or end it before the first that lies behind it."""
        if not self._live and time_ns < self._end_ns:
            self._live = True
            self._turn_ns = self._end_ns
            self.problems_before = self._agent.data_problems()
            self._collector.first_ns = time_ns
            if self._account.started:
                self._open(max(self._start_ns, 1))
        else:
            self._over = True
            self._end()

    def _open(self, time_ns: int) -> None:
        """Measure from here: what was gained and how far the equity had fallen before is not the period's."""
        anchors = self.books.guard.anchors
        anchors.peak, anchors.max_drawdown = anchors.equity, 0
        self._account.mark()
        self.opened = self._standing()
        self._collector.begin(time_ns, self.opened.equity)
        self._account.record_equity(time_ns)
        self._drain(self._agent.take().records)

    def _end(self) -> None:
        if not self._live:
            return
        self._drain(self._agent.finish().records)
        self._collector.end(self._runtime.now_ns)
        if self.opened is not None:
            self.closed = self._standing()

    def _standing(self) -> Standing:
        totals = self.books.pnl.totals
        with exact():
            unrealized = self.books.pnl.unrealized()
        return Standing(self._account.equity, totals.realized, totals.fees, totals.transfers, unrealized)

    def _drain(self, records: tuple[Any, ...]) -> None:
        """Tell what the books said; signals, orders and alerts are told from the journal alone."""
        if not self._live:
            return
        for record in records:
            if type(record) is EquityMarked:
                if self.opened is None:
                    self.opened = self._standing()
                self._collector.mark(record, self._limits, self._budget, len(self._orders.open))
                self._market.sample(self._collector, record.time_ns)
            elif type(record) is DayClosed:
                self._collector.closed_days.append(record)

    def _handle(self, event: Event) -> None:
        """Let the books take an event as the agent did, but for what hangs on an order of ours."""
        time_ns = event.time_ns
        if isinstance(event, OrderQueryAnswered | VenueStateObserved):
            self._clock(time_ns)
            for fill in event.fills:
                self._book(fill, time_ns)
            seen = event.open_orders if isinstance(event, VenueStateObserved) else (event.order,)
            for order in seen:
                if order is not None:
                    self._adopt(order.client_order_id, order.status, order.filled_quantity, time_ns)
            return
        if isinstance(event, OperatorEvent):  # What was answered stands in the decisions.
            self._clock(time_ns)
            return
        if isinstance(event, AgentStarted):
            for name, record in tuple(self._orders.open.items()):
                if record.status in _WAITING:
                    self._orders.report(name, OrderReport.TIMED_OUT, time_ns, "restarted before the answer")
        before = self.books.pnl.totals.transfers
        records = self._agent.handle(event).records
        self._drain(records)
        if self._live:
            booked = {record.entry.cause for record in records if type(record) is MoneyBooked}
            self._tell(event, before, booked)

    def _tell(self, event: Event, transfers_before: Decimal, booked: set[str]) -> None:
        collector = self._collector
        match event:
            case CostRecorded() if f"cost:{event.cost_id}" in booked:
                value = self._value(event.asset, event.amount, event.mark)
                collector.cost(event.time_ns, event.category, event.asset, event.amount, value, event.note)
            case TransferSettled() if f"transfer:{event.transfer_id}" in booked:
                value = EXACT.subtract(self.books.pnl.totals.transfers, transfers_before)
                collector.transfer(
                    event.time_ns, event.transfer_id, event.asset, event.amount, value, event.note
                )
            case StreamConnected():
                collector.connections[f"{event.stream}: connected"] += 1
            case StreamLost():
                collector.connections[f"{event.stream}: lost ({event.reason})"] += 1
            case StreamGapDetected():
                collector.connections[f"{event.stream}: gap in {event.symbol}"] += 1
            case _:
                pass  # What else can happen leaves its mark in decisions and records.

    def _value(self, asset: str, amount: Decimal, mark: Decimal | None = None) -> Decimal | None:
        try:
            return EXACT.multiply(amount, self.books.valuation.price_of(asset) if mark is None else mark)
        except MissingMarkError:
            return None

    def _clock(self, time_ns: int) -> None:
        """Let time pass as every event does."""
        runtime = self._runtime
        if time_ns > runtime.now_ns:
            runtime.now_ns = time_ns
        if runtime.now_ns >= runtime.alarm_ns:
            self._account.on_alarm(runtime.now_ns)
            self._drain(self._agent.take().records)

    def _report(self, kind: str, said: dict[str, Any]) -> None:
        time_ns = said["time_ns"]
        self._clock(time_ns)
        words = ("acknowledged",)
        if kind != "OrderAcknowledged":
            words = tuple(said[name] for name in ("code", "reason", "problem") if said.get(name))
        self._orders.report(said["client_order_id"], REPORTS[kind], time_ns, " ".join(words))

    def _adopt(self, client_order_id: str, status: str, filled: Decimal, time_ns: int) -> None:
        line, report = self._orders.find(client_order_id), ASKED.get(status)
        if line is None or report is None or line.record.filled_quantity != filled:
            return
        if report is OrderReport.ACKNOWLEDGED and filled:
            report = OrderReport.PARTIAL_FILL
        self._orders.report(client_order_id, report, time_ns, f"the venue says {status} when asked")

    def _fill_of(self, said: dict[str, Any]) -> None:
        self._clock(said["time_ns"])
        self._book(stored_fill(said["fill"]), said["time_ns"])

    def _book(self, fill: Fill, time_ns: int) -> None:
        """Book a fill as the agent did: once, and only where it can be the order's."""
        line = self._orders.find(fill.client_order_id)
        key = (fill.symbol, fill.trade_id)
        if line is None or key in self._booked:
            return
        record = line.record
        filled = EXACT.add(record.filled_quantity, fill.quantity)
        if (
            not record.filled_quantity < filled <= record.request.quantity
            or fill.side is not record.request.side
        ):
            return
        self._booked.add(key)
        update = self.books.pnl.update_from_fill(fill, self._runtime.state)
        self._orders.fill(line, fill.quantity, time_ns, f"trade {fill.symbol} {fill.trade_id}")
        self._account.on_holdings()
        self._account.mark()
        if self._live:
            self._collector.fill(
                FillBooked(
                    time_ns,
                    fill,
                    record.request.strategy,
                    update.realized,
                    update.fee_value,
                    update.notional_value,
                    update.closed_quantity,
                    slippage_bps(fill, record),
                )
            )

    def _decide(self, time_ns: int) -> None:
        """Take what followed from the present event, and check that it leads to the recorded link."""
        sequence, _, _, event, commands, decisions, link = self._row
        if decisions is not None:
            texts = orjson.loads(decisions)
            self.link = next_link(self.link, f"{sequence}\n" + "\n".join(texts))
            self._collector.decisions += len(texts) if self._live else 0
            for text in texts:
                kind = text.partition(" ")[0]
                if kind in self._TEXTS:
                    self._TEXTS[kind](self, text, time_ns)
                elif kind == "control":
                    self._control(text, event)
        if link != self.link:
            problem = f"has decisions at event {sequence} that do not lead to their recorded hash."
            raise StorageError(self._tape.source, problem, _REMEDY)
        if commands is not None:
            for command in orjson.loads(commands):
                for kind, content in command.items():
                    if kind in self._COMMANDS:
                        self._COMMANDS[kind](self, content, time_ns)

    def _signal(self, text: str, _time_ns: int) -> None:
        _, _, _, self._strategy, self._symbol, verdict, _ = text.split(" ", 6)
        if self._live:
            reject_reason = "" if verdict == "valid" else verdict
            self._collector.signal(self._strategy, self._symbol, reject_reason)

    def _refused(self, text: str, _time_ns: int) -> None:
        _, _, codes, explanation = text.split(" ", 3)
        if self._live:
            self._collector.refused(self._strategy, self._symbol, tuple(codes.split(",")), explanation)

    def _gate(self, text: str, time_ns: int) -> None:
        _, gate, epoch, code, reason = text.split(" ", 4)
        if code == DRAWDOWN:
            self._fallen = True  # Until an operator releases it, who has seen the fall.
        if self._live:
            self._collector.gate_changes.add(time_ns, gate.lower(), int(epoch), code, reason)

    def _compared(self, text: str, time_ns: int) -> None:
        _, stale, differences = text.split(" ", 2)
        if self._live:
            self._collector.compared(time_ns, stale=stale == "True", differences=differences)

    def _transfer(self, text: str, time_ns: int) -> None:
        words = text.split(" ")
        if words[2] == "proposed":
            self._transfers.propose(words[1], asset=words[3], amount=Decimal(words[4]), time_ns=time_ns)
        if self._live:
            self._collector.transfer_steps.add(time_ns, text.removeprefix("transfer "))

    def _lowered(self, text: str, _time_ns: int) -> None:
        self._budget = Decimal(text.split(" ")[1])

    def _absent(self, text: str, time_ns: int) -> None:
        _, name, proof = text.split(" ", 2)
        self._orders.report(name, OrderReport.PROVED_ABSENT, time_ns, proof)

    def _control(self, text: str, stored: bytes) -> None:
        event = decode_event(stored, source=self._tape.source)
        assert isinstance(event, OperatorEvent), "only an operator's request is answered"
        request = type(event).__name__.removesuffix("Requested")
        answer = text.removeprefix(f"control {request} {event.request_id} {event.actor} ")
        granted = answer == "granted"
        if granted and isinstance(event, KillReleaseRequested) and self._fallen:
            self._fallen = False
            self._account.forgive_drawdown()
        if granted and isinstance(event, RiskBudgetRequested):
            self._budget = event.new_budget
        if granted and isinstance(event, TransferAnswerRequested):
            status = TransferStatus.APPROVED if event.approved else TransferStatus.REJECTED
            self._transfers.move(event.transfer_id, status, event.time_ns)
        if granted and isinstance(event, CorrectionRequested):
            self._correct(event)
        if self._live:
            reason = str(getattr(event, "reason", getattr(event, "new_budget", "")))
            self._collector.controls.add(event.time_ns, request, event.actor, reason, answer)

    def _correct(self, event: CorrectionRequested) -> None:
        """Book what the agent booked; a correction of costs counts as one of the category that it raises or lowers."""
        self.books.treasury.correct(event)
        if not self._live:
            return
        for account, sign in ((event.source, -1), (event.target, 1)):
            if account.startswith(COSTS):
                amount = EXACT.multiply(event.amount, sign)
                value, note = self._value(event.asset, amount), f"corrects {event.cause}: {event.reason}"
                category = account.removeprefix(COSTS)
                self._collector.cost(event.time_ns, category, event.asset, amount, value, note)

    def _place(self, content: dict[str, Any], time_ns: int) -> None:
        line = self._orders.place(content, time_ns)
        if self._live and not line.in_period:
            self._collector.order(line, len(self._orders.open))

    def _cancel(self, content: dict[str, Any], time_ns: int) -> None:
        name, reason = content["client_order_id"], content["reason"]
        self._orders.report(name, OrderReport.CANCEL_SENT, time_ns, f"cancel requested: {reason}")

    def _alert(self, content: dict[str, Any], time_ns: int) -> None:
        if self._live:
            level, code, subject = content["level"], content["code"], content["subject"]
            self._collector.alerts.add(time_ns, level, code, subject, content["message"])

    # Functions, not bound methods: books that held themselves would outlive the report that they are read for.
    _TEXTS: ClassVar[Mapping[str, Callable[[SessionBooks, str, int], None]]] = {
        "signal": _signal,
        "refused": _refused,
        "gate": _gate,
        "compared": _compared,
        "absent": _absent,
        "transfer": _transfer,
        "budget": _lowered,
    }
    _COMMANDS: ClassVar[Mapping[str, Callable[[SessionBooks, dict[str, Any], int], None]]] = {
        "$PlaceOrder": _place,
        "$CancelOrder": _cancel,
        "$RaiseAlert": _alert,
    }
