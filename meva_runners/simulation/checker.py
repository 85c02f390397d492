"""Check the invariants of docs/reliability.md after every event, from outside: the agent never checks itself here.

It compares three things: the wire (what left), the venue's truth (what came of it), and the agent's claims.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, Final

from attrs import frozen

from meva_adapters.exchange.simulated.faults import Operation
from meva_adapters.exchange.simulated.simulated_exchange import (
    USER,
    SimulatedExchange,
    WireRequest,
    is_foreign,
)
from meva_adapters.storage.codec import encode
from meva_adapters.storage.memory import MemorySession
from meva_core.agent.orchestrator import AgentOrchestrator
from meva_core.agent.outbox import Outcome
from meva_core.commands import PlaceOrder
from meva_core.config.schema import AppConfig
from meva_core.events import (
    BookChanged,
    Event,
    KillRequested,
    MarketRulesChanged,
    MarketStatusChanged,
    PauseRequested,
    QuoteReceived,
    StreamConnected,
    StreamLost,
    TradeReceived,
    TransferSettled,
    VenueStateObserved,
)
from meva_core.model.market import NS_PER_MS, NS_PER_SECOND
from meva_core.model.order import OrderRequest
from meva_core.ops.log_records import (
    AlertRaised,
    ControlAnswered,
    FillBooked,
    GateChanged,
    OrderUpdated,
    Record,
)
from meva_runners.simulation.claims import SUCCESSORS, Claims, price_units, units, value_units

# How many recoveries of a run are compared with a run of the whole journal; each costs that much again.
_COMPARED_RECOVERIES: Final = 2
_TIMERS_MAX: Final = 30
_KEPT_MAX: Final = 1_000
# Names alone, and a venue may tell again of a transfer of long ago: more of them are kept.
_TRANSFERS_MAX: Final = 10_000
_NS_PER_DAY: Final = 86_400 * NS_PER_SECOND
# What a terminal claim must look like at the venue.
_TRUE_ENDS: Final = {"filled": "filled", "canceled": "canceled", "expired": "expired"}


@frozen
class Violation:
    """Name a broken invariant, when it broke, and the facts."""

    invariant: str
    time_ns: int
    facts: str


class Checker:
    """Follow one run. *violations* holds what was found, *reached* counts the recovery branches that ran."""

    def __init__(self, config: AppConfig, exchange: SimulatedExchange) -> None:
        self.violations: list[Violation] = []
        self.reached: dict[str, int] = {}
        self.events = self.submissions = 0
        self._config = config
        self._exchange = exchange
        self._agent: AgentOrchestrator | None = None
        execution = config.execution
        # One interval more than allowed: it is noticed when the next question is due.
        intervals = execution.reconcile_overdue_intervals + 1
        self._silence_ns_max = intervals * execution.reconcile_interval_s * NS_PER_SECOND
        self._claims = Claims()
        for asset, amount in config.exchange.balances.items():
            self._claims.move(asset, amount)
        self._claims.peak = self._claims.day_open = self._claims.equity(config.reporting_currency)
        self._claims.commit()
        self._posted: dict[str, str] = {}
        self._payloads: dict[str, str] = {}
        self._fully_checked = 0

    def on_event(self, event: Event, outcome: Outcome) -> None:
        """Take what the agent heard, and what it said and wants."""
        claims = self._claims
        self.events += 1
        self._expect("I22", outcome.sequence == claims.sequence + 1, f"event {outcome.sequence}")
        self._expect("I22", event.time_ns >= claims.time_ns, f"time fell to {event.time_ns}")
        claims.sequence, claims.time_ns = outcome.sequence, max(claims.time_ns, event.time_ns)
        self._roll_day(event.time_ns)
        was_killed = claims.killed
        self._hear(event)
        for record in outcome.records:
            self._take(record)
        if isinstance(event, KillRequested) and was_killed:
            changed = [record for record in outcome.records if isinstance(record, GateChanged)]
            self._expect("I14", not changed, "a second kill changed the gate")
        for command in outcome.commands:
            if isinstance(command, PlaceOrder):
                self._decided(command, event.time_ns)
        if any(isinstance(record, FillBooked) for record in outcome.records):
            self._check_money()
        if outcome.records or not isinstance(event, (QuoteReceived, BookChanged)):  # A quote moves no mark.
            self._mark()

    def on_wire(self, request: WireRequest) -> None:
        """Judge a request as it leaves."""
        name = request.client_order_id
        if request.operation is Operation.CANCEL:
            self._expect("I17", not is_foreign(name), f"cancel of {name}")
        if request.operation is not Operation.PLACE or request.request is None:
            return
        self.submissions += 1
        claims, key = self._claims, request.request.idem_key
        self._expect("I1", name in claims.durable, f"{name} left before its intent was durable")
        self._expect("I4", key not in self._posted, f"{key} was sent twice")
        self._expect("I2", self._payloads.setdefault(name, key) == key, f"{name} names two keys")
        self._posted[key] = name
        open_gate = claims.gate == "OPEN" and not claims.killed and not claims.paused
        self._expect("I12", open_gate, f"{name} left at gate {claims.gate}")
        age_ns = request.time_ns - claims.decided_ns.get(name, 0)
        fresh = age_ns <= self._config.signals.max_age_ms * NS_PER_MS
        self._expect("I18", fresh, f"{name} left {age_ns} ns after its decision")

    def on_timers(self, waiting: int) -> None:
        """Judge how many timers wait."""
        self._expect("I24", waiting <= _TIMERS_MAX, f"{waiting} timers wait")

    def on_commit(self) -> None:
        """Learn that everything so far is durable."""
        self._claims.commit()

    def on_crash(self) -> None:
        """Forget what was not durable."""
        self._claims.revert()
        self._agent = None
        self._count("crash")

    def on_recovered(
        self,
        agent: AgentOrchestrator,
        session: MemorySession,
        compose: Callable[[Mapping[str, Any] | None], AgentOrchestrator],
    ) -> None:
        """Judge a recovered agent: from its snapshot, or from the first event on, it is the same (I19, I20)."""
        self._agent = agent
        self._check_money()
        self._expect("I19", agent.sequence == self._claims.sequence, f"recovered at event {agent.sequence}")
        whole = session.kept == session.last_sequence()
        if self._fully_checked < _COMPARED_RECOVERIES and agent.sequence and whole:
            self._fully_checked += 1
            fresh = compose(None)
            for entry in session.entries():
                fresh.handle(entry.event)
            self._expect("I19", fresh.state_hash() == agent.state_hash(), "snapshot and journal differ")
            # Beyond the canonical state: anchors of losses, counters, open questions, features (I16).
            equal = encode(fresh.checkpoint()) == encode(agent.checkpoint())
            self._expect("I16", equal, "what snapshot and journal remember differs")

    def on_quiet(self, agent: AgentOrchestrator, session: MemorySession) -> None:
        """Judge the end: no fault for long enough, so everything must be settled and equal."""
        self._agent = agent
        claims, truth = self._claims, self._exchange.truth
        self._check_money()
        for name in claims.open:
            status = claims.statuses[name]
            self._expect("I5", status not in ("unknown", "submitted"), f"{name} is still {status}")
        seen: dict[str, int] = {}
        for order in truth.placed:
            name = order.request.client_order_id
            if is_foreign(name):
                continue
            seen[name] = seen.get(name, 0) + 1
            claimed, filled = claims.statuses.get(name), claims.filled.get(name, 0)
            self._expect("I5", name in claims.requests, f"{name} is at the venue and not in the journal")
            self._expect("I5", filled == units(order.seen.filled_quantity), f"{name}: {filled} filled here")
            self._expect("I5", claimed == order.seen.status, f"{name}: {claimed}, venue {order.seen.status}")
        for name, count in seen.items():
            self._expect("I3", count == 1, f"{name} was placed {count} times")
        held = {
            asset: units(free + locked) for asset, (free, locked) in self._exchange.engine.balances().items()
        }
        for asset in held.keys() | claims.totals.keys():
            equal = held.get(asset, 0) == claims.totals.get(asset, 0)
            self._expect("I11", equal or claims.gate != "OPEN", f"{asset}: {claims.totals.get(asset)} here")
        rows: dict[tuple[str, str], int] = {}
        for row in session.ledger:
            place = (row.cause, row.asset)
            rows[place] = rows.get(place, 0) + units(row.amount)
        unbalanced = [place for place, total in rows.items() if total]
        self._expect("I9", not unbalanced, f"postings that do not sum to zero: {unbalanced[:3]}")

        locked = {name: balance.locked for name, balance in agent.state().balances.items() if balance.locked}
        self._expect("I9", claims.open or not locked, f"locked for no open order: {locked}")
        self._check_sizes(agent)
        killed = claims.gate == "KILLED" and self._resting()
        self._expect("I13", not killed, f"killed, and {self._resting()} still rest at the venue")

    def _check_sizes(self, agent: AgentOrchestrator) -> None:
        """Judge that what grows with time has its bound."""
        memory = agent.checkpoint()
        for name, held, most in (
            ("fills", len(agent.state().fills), _KEPT_MAX),
            ("ended orders", len(memory["orders"]["ended"]), _KEPT_MAX),
            ("transfers", len(memory["treasury"]["settled"]), _TRANSFERS_MAX),
            ("orders of the window", len(memory["order_rate"]), _KEPT_MAX),
        ):
            self._expect("I24", held <= most, f"{held} {name} are kept")

    def _resting(self) -> list[str]:
        """Return the agent's orders that are open at the venue."""
        names = (order.client_order_id for order in self._exchange.engine.open_orders())
        return [name for name in names if not is_foreign(name)]

    # What the agent hears and says.

    def _hear(self, event: Event) -> None:
        claims = self._claims
        match event:
            case TradeReceived():
                tick = self._exchange.engine.market(event.symbol).instrument.tick_size
                claims.marks[event.symbol] = event.price_ticks * price_units(tick)
                claims.heard_ns[event.symbol] = event.time_ns
            case QuoteReceived():
                claims.heard_ns[event.symbol] = event.time_ns
            case BookChanged():
                claims.heard_ns[event.symbol] = event.time_ns
                claims.see_book(event)
            case KillRequested():
                claims.killed = True
            case PauseRequested():
                claims.paused = True
            case StreamConnected(stream=stream) if stream == USER:
                claims.user_up = True
            case StreamLost(stream=stream):
                claims.user_up = claims.user_up and stream != USER
                if stream != USER:  # What follows continues nothing.
                    claims.books = {symbol: (last_id, False) for symbol, (last_id, _) in claims.books.items()}
            case MarketStatusChanged(symbol=symbol):
                claims.halted.pop(symbol, None)
                if not event.tradable:
                    claims.halted[symbol] = None
            case MarketRulesChanged():
                claims.rules[event.instrument.symbol] = event.instrument
            case VenueStateObserved():
                claims.compared_ns = event.time_ns
            case TransferSettled():
                self._transfer(event)
            case _:
                pass

    def _take(self, record: Record) -> None:
        claims = self._claims
        match record:
            case OrderUpdated():
                self._updated(record)
            case FillBooked():
                self._booked(record)
            case GateChanged():
                self._expect("I22", record.epoch == claims.epoch + 1, f"gate epoch {record.epoch}")
                claims.gate, claims.epoch = record.gate.name, record.epoch
                claims.fallen = claims.fallen or record.code == "drawdown"
                claims.mismatches += record.code == "venue_mismatch"
                self._count(f"gate {record.code} {'lifted' if record.gate.name == 'OPEN' else 'set'}")
            case ControlAnswered(refusal=""):
                self._granted(record.request)
            case AlertRaised():
                self._count(f"alert {record.alert.code}")
            case _:
                pass

    def _granted(self, request: str) -> None:
        claims = self._claims
        if request == "KillRelease":
            claims.killed = False
            self._expect("I13", not self._resting(), f"released while {self._resting()} rest at the venue")
            if claims.fallen:  # Whoever releases this halt has seen the fall; the next is measured from here.
                claims.fallen = False
                claims.peak = claims.equity(self._config.reporting_currency)
        elif request == "Resume":
            claims.paused = False

    def _updated(self, record: OrderUpdated) -> None:
        claims, name = self._claims, record.request.client_order_id
        before, after = claims.statuses.get(name, "submitted"), record.status.value
        legal = after == before or after in SUCCESSORS[before]
        self._expect("I7", legal, f"{name} went from {before} to {after}")
        claims.set_status(name, after)
        self._count(f"order {after}")
        truth = self._exchange.truth.order_at(name, self._exchange.truth.last_ns)
        if after in _TRUE_ENDS:
            self._expect("I6", bool(record.evidence), f"{name} ended without evidence")
            true = truth is not None and truth.status in (_TRUE_ENDS[after], "filled")
            self._expect("I6", true, f"{name} is {after} here and {truth} at the venue")
        elif after in ("rejected", "denied"):
            self._expect("I6", truth is None, f"{name} is {after} here and {truth} at the venue")

    def _booked(self, record: FillBooked) -> None:
        claims, fill = self._claims, record.fill
        place = (fill.symbol, fill.trade_id)
        self._expect("I8", place not in claims.booked, f"trade {place} was booked twice")
        real = self._exchange.truth.has_trade(fill)
        self._expect("I21", real, f"trade {place} was invented")
        claims.book(fill)
        request = claims.requests.get(fill.client_order_id)
        inside = request is not None and claims.filled[fill.client_order_id] <= units(request.quantity)
        self._expect("I7", inside, f"{fill.client_order_id} is filled beyond its quantity")

    def _decided(self, command: PlaceOrder, time_ns: int) -> None:
        """Judge an approved order at the moment of its decision."""
        claims, risk, request = self._claims, self._config.risk, command.request
        name, symbol = request.client_order_id, request.symbol
        known = claims.keys.get(request.idem_key, name)
        claims.put(claims.keys, request.idem_key, name)
        self._expect("I2", known == name, f"{request.idem_key} has the names {known} and {name}")
        mark = claims.marks.get(symbol, 0)
        price = mark if request.limit_price is None else price_units(request.limit_price)
        self._expect(
            "I15",
            price * units(request.quantity) <= value_units(risk.max_notional_per_trade),
            f"{name} is too large",
        )
        opened = list(claims.open)
        self._expect("I15", len(opened) < risk.max_open_orders, f"{name} is one order too many")
        window_ns = risk.order_window_s * NS_PER_SECOND
        claims.submitted_ns = [each for each in claims.submitted_ns if each > time_ns - window_ns]
        self._expect("I15", len(claims.submitted_ns) < risk.max_orders_per_window, f"{name} is too soon")
        claims.submitted_ns.append(time_ns)
        before = claims.worst_position(symbol)
        claims.put(claims.requests, name, request)
        claims.put(claims.decided_ns, name, time_ns)
        claims.set_status(name, "submitted")
        after = claims.worst_position(symbol)
        if after > before:
            self._check_exposure(name, symbol, after * mark)
            unknown = [each for each in opened if claims.statuses[each] == "unknown"]
            blind = any(claims.requests[each].symbol == symbol for each in unknown)
            self._expect("I15", not blind, f"{name} adds risk while an order of {symbol} is unknown")
        loss = self._loss_limit_hit(claims.day_open, risk.daily_loss_limit)
        fall = self._loss_limit_hit(claims.peak, risk.max_drawdown_limit)
        self._expect("I15", not loss and not fall, f"{name} after the loss limit")
        age_ns = time_ns - claims.heard_ns.get(symbol, 0)
        self._expect("I18", age_ns <= risk.max_data_age_ms * NS_PER_MS, f"{name} on data {age_ns} ns old")
        _, whole = claims.books.get(symbol, (0, True))
        self._expect("I18", whole, f"{name} on a book with a gap, or crossed")
        self._expect("I18", symbol not in claims.halted, f"{name} to a market that is closed")
        self._check_rules(request, price)
        self._expect("I18", claims.user_up, f"{name} while the stream of our orders is down")
        silent_ns = time_ns - claims.compared_ns
        self._expect("I18", silent_ns <= self._silence_ns_max, f"{name} on books {silent_ns} ns old")
        skew_ns = abs(self._agent.clock_offset_ns) if self._agent else 0
        self._expect(
            "I18", skew_ns <= risk.max_clock_offset_ms * NS_PER_MS, f"{name} with a clock {skew_ns} ns off"
        )

    def _check_rules(self, request: OrderRequest, price: int) -> None:
        """Judge that an order fits the rules that the venue stated last (C5)."""
        name, rules = request.client_order_id, self._claims.rules.get(request.symbol)
        if rules is None:
            return
        steps = units(request.quantity) % units(rules.lot_size)
        self._expect("I18", steps == 0, f"{name} is no whole number of {rules.lot_size}")
        enough = price * units(request.quantity) >= value_units(rules.min_notional)
        self._expect("I18", enough, f"{name} is worth less than {rules.min_notional}")

    # Money.

    def _check_exposure(self, name: str, symbol: str, notional: int) -> None:
        claims, risk = self._claims, self._config.risk
        exposure = notional
        for other, mark in claims.marks.items():
            if other != symbol:
                exposure += claims.worst_position(other) * mark
        self._expect(
            "I15",
            notional <= value_units(risk.max_position_notional_per_symbol),
            f"{name}: position {notional}",
        )
        self._expect(
            "I15", exposure <= value_units(risk.max_portfolio_exposure), f"{name}: exposure {exposure}"
        )

    def _transfer(self, event: TransferSettled) -> None:
        claims, currency = self._claims, self._config.reporting_currency
        before = claims.equity(currency)
        if (event.transfer_id, "") in claims.booked:
            return
        claims.put(claims.booked, (event.transfer_id, ""), None)
        claims.move(event.asset, event.amount)
        moved = claims.equity(currency) - before
        claims.peak += moved
        claims.day_open += moved

    def _check_money(self) -> None:
        """Hold balances and equity against our own sums, to the last digit (I9, I10)."""
        if self._agent is None:
            return
        claims = self._claims
        balances = self._agent.state().balances
        for asset in balances.keys() | claims.totals.keys():
            known = units(balances[asset].total) if asset in balances else 0
            self._expect(
                "I9",
                known == claims.totals.get(asset, 0),
                f"{asset}: {known}, not {claims.totals.get(asset)}",
            )
        equity = claims.equity(self._config.reporting_currency)
        if self._agent.account.started:
            found = value_units(self._agent.account.equity)
            self._expect("I10", found == equity, f"equity {found}, not {equity} (10 ** -18)")

    def _roll_day(self, time_ns: int) -> None:
        claims = self._claims
        day = time_ns // _NS_PER_DAY
        if day != claims.day:
            if claims.day:
                claims.day_open = claims.equity(self._config.reporting_currency)
            claims.day = day

    def _mark(self) -> None:
        """Follow the peak, and see that a broken limit has closed the gate in this very event."""
        claims, risk = self._claims, self._config.risk
        equity = claims.equity(self._config.reporting_currency)
        claims.peak = max(claims.peak, equity)
        if self._agent is not None and claims.gate == "OPEN":
            hit = self._loss_limit_hit(claims.day_open, risk.daily_loss_limit) or self._loss_limit_hit(
                claims.peak, risk.max_drawdown_limit
            )
            self._expect("I15", not hit, "a loss limit is broken and the gate is open")

    def _loss_limit_hit(self, anchor: int, limit: Decimal) -> bool:
        return anchor - self._claims.equity(self._config.reporting_currency) >= value_units(limit)

    def _expect(self, invariant: str, holds: object, facts: str) -> None:
        if not holds:
            self.violations.append(Violation(invariant, self._claims.time_ns, facts))

    def _count(self, branch: str) -> None:
        self.reached[branch] = self.reached.get(branch, 0) + 1
