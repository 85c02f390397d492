"""Ask the venue until every order is settled, every cancel is confirmed and the books agree; book nothing itself.

It sleeps until the first `AgentStarted`: a replay has no venue to doubt. From then on trading waits (marker
`reconciling`) whenever the agent cannot know what the venue did: after a start, and after a loss of the stream of
its own orders, or without any answer for longer than is allowed. A comparison in which everything agrees lets it go on.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from attrs import frozen

from meva_core.agent.gate_watch import GateWatch
from meva_core.agent.order_desk import OrderDesk
from meva_core.agent.runtime_state import Runtime
from meva_core.agent.venue_silence import VenueSilence
from meva_core.commands import AlertLevel, CancelAllOrders, CancelOrder, ObserveVenue, QueryOrder, SetTimer
from meva_core.errors import IllegalTransitionError
from meva_core.events import (
    AgentStarted,
    CancelRefused,
    OrderOutcomeUnknown,
    OrderQueryAnswered,
    RequestFailed,
    StreamConnected,
    StreamGapDetected,
    StreamLost,
    VenueStateObserved,
)
from meva_core.execution.order_lifecycle import TERMINAL
from meva_core.execution.order_service import OrderService
from meva_core.execution.reconcile_service import ReconcileReport, ReconcileService
from meva_core.execution.unsettled_orders import UnsettledOrders
from meva_core.model.market import NEVER_NS, NS_PER_SECOND
from meva_core.model.order import OrderRecord, OrderStatus
from meva_core.model.state import Gate, GateMarker
from meva_core.ops.alerts import AlertService
from meva_core.ops.log_records import VenueCompared
from meva_core.risk.gate import RECONCILING, TradingGate

TIMER: Final = "venue_watch"
# The reason of a cancel-all that is repeated.
CANCEL_AGAIN: Final = "not confirmed yet"
USER_STREAM: Final = "user"
ABSENT: Final = "absent"  # Begins the decision that an order was never placed.
ORDER_UNKNOWN: Final = "order_unknown"


@frozen
class WatchSettings:
    """Set how often the venue is asked; times in ns.

    A difference that has lasted *drift_cycles* comparisons and *drift_ns* is no lag of the venue's answers any more.
    An order that is unknown for longer than *unknown_alert_ns* needs a person. Books that no answer has reached for
    *overdue_ns* are doubtful, and trading waits for the next comparison.
    """

    interval_ns: int
    retry_ns: int
    drift_cycles: int
    drift_ns: int
    unknown_alert_ns: int
    overdue_ns: int
    unanswered_max: int


class VenueWatch:
    """Keep the open questions to the venue. *trades_after* holds the newest trade of each symbol at the beginning."""

    def __init__(
        self,
        runtime: Runtime,
        *,
        orders: OrderService,
        desk: OrderDesk,
        reconcile: ReconcileService,
        gate: TradingGate,
        gate_watch: GateWatch,
        alerts: AlertService,
        unsettled: UnsettledOrders,
        settings: WatchSettings,
        trades_after: Mapping[str, str],
    ) -> None:
        self._runtime = runtime
        self._orders = orders
        self._desk = desk
        self._reconcile = reconcile
        self._gate = gate
        self._alerts = alerts
        self._unsettled = unsettled
        self._settings = settings
        self._starts = 0
        self._timer_ns = NEVER_NS
        self._observe_ns = NEVER_NS
        self._clean_ns = 0
        self._answered_ns = 0
        self._hastened_ns = 0
        self._drift_since_ns = 0
        self._drift_cycles = 0
        self._cancels_pending = False
        self._trades_after = dict(trades_after)
        self._silence = VenueSilence(runtime, alerts, limit=settings.unanswered_max)
        gate_watch.on_cancel_all(self.on_cancel_all)

    @property
    def answered_ns(self) -> int:
        """Return when the venue last said what it holds of ours, 0 where it never did."""
        return self._answered_ns

    def start(self, event: AgentStarted) -> None:
        """Wake up: nothing that was under way is known, and nothing is traded before it is."""
        self._starts += 1
        self._timer_ns = NEVER_NS  # The timers of an earlier process died with it.
        self._orders.told_until(0)
        for record in self._orders.presume_unknown(event.time_ns):
            self._desk.say_changed(record)
            self._unsettled.watch(record, event.time_ns)
        self._hold(f"start {self._starts}", event.time_ns)

    def on_stream(self, event: StreamConnected | StreamLost | StreamGapDetected) -> None:
        """Take the state of the stream that tells of our own orders: what it missed must be asked for."""
        if self._starts and event.stream == USER_STREAM:
            self._hold(f"{type(event).__name__} of the stream of our orders", event.time_ns)

    def look(self, reason: str) -> None:
        """Ask the venue what it holds of ours, now."""
        if self._starts:
            self._observe(reason, self._runtime.now_ns)
            self._arm()

    def on_unknown(self, event: OrderOutcomeUnknown) -> None:
        """Begin to search for an order whose outcome is unknown."""
        self._silence.on_failure(f"order {event.client_order_id}", event.problem, event.time_ns)
        record = self._desk.apply(event)
        if record is None:
            return
        self._desk.say_changed(record)
        if record.status is OrderStatus.UNKNOWN:
            self._search(event.client_order_id)

    def on_refused_cancel(self, event: CancelRefused) -> None:
        """Ask what became of an order that could not be cancelled: it ended, or never came."""
        self._silence.on_answer()
        self._search(event.client_order_id)

    def on_failure(self, event: RequestFailed) -> None:
        """Ask again in a while. A cancel without an answer leaves its order in doubt."""
        self._silence.on_failure(event.request, event.problem, event.time_ns)
        if event.request == "cancel":
            self._search(event.subject)
        elif event.request in ("observe", "cancel_all"):
            self._observe_by(event.time_ns + self._settings.retry_ns)
            self._arm()

    def on_cancel_all(self) -> None:
        """Learn that everything was to be cancelled: it is so when the venue shows nothing of ours."""
        if self._starts:
            self._cancels_pending = True
            self._observe_by(self._runtime.now_ns + self._settings.retry_ns)
            self._arm()

    def on_timer(self, time_ns: int) -> None:
        """Ask everything that is due."""
        if time_ns < self._timer_ns:
            return  # An older timer: a later one is set, and does its work.
        self._timer_ns = NEVER_NS
        outbox = self._runtime.outbox
        for name in self._unsettled.take_due(time_ns):
            record = self._orders.find(name)
            if record is None or record.status in TERMINAL:
                self._unsettled.settle(name)
                continue
            symbol = record.request.symbol
            outbox.command(QueryOrder(symbol, name, self._trades_after.get(symbol, "")), f"query {name}")
        self._alert_overdue(time_ns)
        self._doubt(time_ns)
        if self._observe_ns <= time_ns:
            if self._cancels_pending:
                outbox.command(CancelAllOrders(None, CANCEL_AGAIN), "cancel_all again")
            self._observe("due", time_ns)
        self._arm()

    def on_answer(self, event: OrderQueryAnswered) -> None:
        """Take what the venue says of one order, and what its silence proves."""
        self._silence.on_answer()
        for fill in event.fills:
            if self._orders.find(fill.client_order_id) is not None:
                self._desk.book(fill, event.time_ns)
        name, order = event.client_order_id, event.order
        record = self._orders.find(name)
        if record is None or record.status in TERMINAL:
            self._unsettled.settle(name)
        elif order is not None:
            self._adopt(record, event)
        elif record.venue_order_id or record.filled_quantity:
            pass  # It exists, whatever this replica says (fault A5): ask again.
        elif record.status is OrderStatus.UNKNOWN and self._unsettled.not_found(name, event.venue_time_ns):
            proof = f"no such order and no trade of it at venue time {event.venue_time_ns}, after the fence"
            self._orders.prove_absent(record, proof, event.time_ns)
            self._runtime.outbox.decide(f"{ABSENT} {name} {proof}")
            self._desk.say_changed(record)
            self._unsettled.settle(name)
        self._arm()

    def on_state(self, event: VenueStateObserved) -> None:
        """Hold the books against the venue's report, and act on every difference."""
        self._silence.on_answer()
        report = self._reconcile.reconcile(self._runtime.state, event)
        for fill in report.fills:
            self._desk.book(fill, event.time_ns)
        for fill in event.fills:
            self._trades_after[fill.symbol] = fill.trade_id
        for seen in report.open:
            record = self._orders.find(seen.client_order_id)
            if (
                record is not None
                and record.status is OrderStatus.UNKNOWN
                and self._orders.adopt(record, seen, event.time_ns)
            ):
                self._desk.say_changed(record)
                self._unsettled.settle(seen.client_order_id)
        if not self._starts:
            if report.strangers or report.differences:
                self._desk.mismatch("; ".join((*report.strangers, *report.differences)))
            return
        self._answered_ns = event.time_ns
        # The venue's lists may lag behind its matching, by as much as the settings bound it.
        self._orders.told_until(event.asked_ns - self._settings.drift_ns)
        for name in report.missing:
            self._search(name)
        self._judge(report, event)
        self._arm()

    def refusal_to_resume(self) -> str:
        """Return why trading may not go on, as far as the venue is concerned; empty when it may (invariant I13)."""
        if not self._starts:
            return ""
        if self._cancels_pending:
            return "the venue has not confirmed yet that every order is cancelled"
        if len(self._unsettled):
            return f"{len(self._unsettled)} orders have an unknown outcome"
        if self._clean_ns <= self._closed_ns():
            return "books and venue have not been found equal since trading stopped: ask again in a moment"
        return ""

    def hasten(self, reason: str) -> None:
        """Compare now, for somebody who waits, as often as differences are asked about; what is due stays due."""
        now_ns = self._runtime.now_ns
        if self._starts and self._hastened_ns <= max(self._closed_ns(), now_ns - self._settings.retry_ns):
            self._hastened_ns, due_ns = now_ns, self._observe_ns
            self._observe(reason, now_ns)
            self._observe_by(due_ns)  # A cancel that is not confirmed yet is repeated then.
            self._arm()

    def _closed_ns(self) -> int:
        """Return when trading was stopped last, by any of the causes that still stand."""
        markers = self._runtime.state.runtime_flags.markers.values()
        return max((marker.since_ns for marker in markers), default=0)

    def snapshot(self) -> dict[str, Any]:
        """Return the whole memory as plain values."""
        return {
            "starts": self._starts,
            "due": [self._timer_ns, self._observe_ns],
            "clean_ns": self._clean_ns,
            "answered_ns": self._answered_ns,
            "hastened_ns": self._hastened_ns,
            "drift": [self._drift_since_ns, self._drift_cycles],
            "cancels_pending": self._cancels_pending,
            "booked_ns": self._desk.booked_ns,
            "trades_after": sorted(self._trades_after.items()),
            "unsettled": self._unsettled.snapshot(),
            "unanswered": self._silence.count,
        }

    def restore(self, memory: dict[str, Any]) -> None:
        """Take over the memory that `snapshot` returned."""
        self._starts = memory["starts"]
        self._timer_ns, self._observe_ns = memory["due"]
        self._clean_ns = memory["clean_ns"]
        self._answered_ns = memory["answered_ns"]
        self._hastened_ns = memory.get("hastened_ns", 0)  # Older checkpoints know none.
        self._drift_since_ns, self._drift_cycles = memory["drift"]
        self._cancels_pending = memory["cancels_pending"]
        self._desk.booked_ns = memory["booked_ns"]
        self._trades_after = dict(memory["trades_after"])
        self._unsettled.restore(memory["unsettled"])
        self._silence.count = memory.get("unanswered", 0)

    def _hold(self, reason: str, time_ns: int) -> None:
        """Let trading wait for a comparison."""
        self._clean_ns = 0
        self._gate.close(GateMarker(RECONCILING, Gate.PAUSED, reason, "venue_watch", time_ns))
        self._observe(reason, time_ns)
        self._arm()

    def _doubt(self, time_ns: int) -> None:
        """Let trading wait when the venue has said nothing about our account for too long."""
        silent_ns = time_ns - self._answered_ns
        if not self._clean_ns or silent_ns <= self._settings.overdue_ns:
            return
        self._clean_ns = 0
        reason = f"books and venue were last compared {silent_ns // NS_PER_SECOND} s ago"
        self._gate.close(GateMarker(RECONCILING, Gate.PAUSED, reason, "venue_watch", time_ns))
        self._observe_by(time_ns)

    def _observe(self, reason: str, time_ns: int) -> None:
        self._observe_ns = time_ns + self._settings.interval_ns
        after = tuple(sorted(self._trades_after.items()))
        self._runtime.outbox.command(ObserveVenue(reason, after), f"observe {reason}")

    def _observe_by(self, due_ns: int) -> None:
        self._observe_ns = min(self._observe_ns, due_ns)

    def _search(self, client_order_id: str) -> None:
        record = self._orders.find(client_order_id)
        if record is not None and record.status not in TERMINAL:
            self._unsettled.watch(record, self._runtime.now_ns)
            self._arm()

    def _adopt(self, record: OrderRecord, event: OrderQueryAnswered) -> None:
        assert event.order is not None, "the caller has looked"
        name, before = event.client_order_id, record.status
        try:
            settled = self._orders.adopt(record, event.order, event.time_ns)
        except IllegalTransitionError as error:
            self._desk.mismatch(str(error))
            return
        if record.status is not before:
            self._desk.say_changed(record)
        if settled:
            self._unsettled.settle(name)
        elif record.status is OrderStatus.PENDING_CANCEL:
            command = CancelOrder(record.request.symbol, name, "still open")
            self._runtime.outbox.command(command, f"cancel {name} again")

    def _judge(self, report: ReconcileReport, event: VenueStateObserved) -> None:
        """Let trading go on, wait, or stop for a person, by what was compared."""
        settings, now_ns = self._settings, event.time_ns
        stale = event.asked_ns <= self._desk.booked_ns  # We learned more while the question was on its way.
        drifting = (*report.strangers, *report.differences)
        self._runtime.outbox.record(VenueCompared, now_ns, stale, drifting, len(self._unsettled))
        self._runtime.outbox.decide(f"compared {stale} {'; '.join(drifting)}")
        if report.open and self._cancels_pending:
            self._observe_by(now_ns + settings.retry_ns)
        if stale or report.fills or report.missing:
            self._observe_by(now_ns + settings.retry_ns)
            return
        if not drifting:
            self._drift_since_ns = self._drift_cycles = 0
            if not report.open and not len(self._unsettled) and not self._runtime.state.open_orders:
                self._cancels_pending = False
            self._clean_ns = now_ns
            up = self._runtime.state.connectivity.connected.get(USER_STREAM, False)
            if up and not len(self._unsettled) and self._gate.holds(RECONCILING):
                self._gate.lift(
                    RECONCILING, actor="venue_watch", reason="books and venue agree", time_ns=now_ns
                )
            return
        self._drift_cycles += 1
        self._drift_since_ns = self._drift_since_ns or now_ns
        text = "; ".join(drifting)
        self._gate.close(GateMarker(RECONCILING, Gate.PAUSED, text, "venue_watch", now_ns))
        self._observe_by(now_ns + settings.retry_ns)
        lasted = now_ns - self._drift_since_ns
        if report.strangers or (self._drift_cycles >= settings.drift_cycles and lasted >= settings.drift_ns):
            self._desk.mismatch(text)

    def _alert_overdue(self, time_ns: int) -> None:
        for order in self._unsettled:
            if order.alerted or time_ns - order.since_ns < self._settings.unknown_alert_ns:
                continue
            text = (
                f"order {order.client_order_id} is unknown for {(time_ns - order.since_ns) // NS_PER_SECOND} s; "
                "look at the venue"
            )
            alert = self._alerts.trigger(
                AlertLevel.HIGH, ORDER_UNKNOWN, text, time_ns=time_ns, subject=order.client_order_id
            )
            # What the limit of alerts held back is tried again.
            order.alerted = self._runtime.outbox.alert(alert, time_ns)

    def _arm(self) -> None:
        """Have the core woken when the next question is due."""
        if not self._starts:
            return
        due_ns = min(_earliest(self._unsettled.next_due_ns()), self._observe_ns)
        if due_ns < self._timer_ns:
            self._timer_ns = due_ns
            self._runtime.outbox.command(SetTimer(TIMER, due_ns), f"timer {due_ns}")


def _earliest(due_ns: int | None) -> int:
    return NEVER_NS if due_ns is None else due_ns
