"""Be a venue behind a bad network, in virtual time: what is sent arrives late, twice, or never, by a plan of faults.

It has the two properties that break naive agents: client order ids are unique among open orders only, so a lost
order that filled at once can be placed again; and its queries lag behind the matching engine, so "no such order" is
no proof.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from attrs import evolve, frozen

from meva_adapters.exchange.simulated.faults import Fault, FaultPlan, Kind, Operation
from meva_adapters.exchange.simulated.listings import Listings
from meva_adapters.exchange.simulated.venue_truth import VenueTruth
from meva_adapters.exchange.simulated.virtual_network import Action, Fail, Faults, VirtualNetwork
from meva_core.commands import CancelAllOrders, CancelOrder, ObserveVenue, PlaceOrder, QueryOrder
from meva_core.events import (
    CancelRefused,
    ClockMeasured,
    Event,
    MarketEvent,
    OrderAcknowledged,
    OrderCanceled,
    OrderDropped,
    OrderFilled,
    OrderOutcomeUnknown,
    OrderQueryAnswered,
    OrderRejected,
    RequestFailed,
    StreamConnected,
    StreamLost,
    VenueStateObserved,
)
from meva_core.execution.matching import MatchingEngine
from meva_core.model.market import NS_PER_MS, Side
from meva_core.model.order import OrderRequest, OrderType, TimeInForce
from meva_core.ports.exchange import ORDER_KINDS, ClientIdScope, VenueCapabilities

USER: Final = "user"
MARKET: Final = "market"
# Binance refuses a request whose stamp is more than a second ahead of its own clock (error -1021).
_AHEAD_NS: Final = 1_000 * NS_PER_MS

# How long it takes until somebody has set a wrong clock right.
_SKEW_LASTS_NS: Final = 45_000 * NS_PER_MS

_STATUS_DELAY_NS: Final = 1_000 * NS_PER_MS
# So many of the smallest quantities are worth more than any venue's least notional.
_BY_HAND: Final = 10


@frozen
class WireRequest:
    """Hold one request as it left, for whoever checks the agent."""

    time_ns: int
    operation: Operation
    client_order_id: str
    request: OrderRequest | None = None
    symbol: str | None = None


class SimulatedExchange:
    """Put faults between one agent and *engine*. *wire* is every request that left; *truth* what came of them.

    Whoever runs for long empties the wire once it was read.

    *window_ms* is the validity of a request after its stamp; *timeout_ms* is how long the agent's side waits.
    """

    def __init__(
        self,
        engine: MatchingEngine,
        plan: FaultPlan,
        *,
        symbols: Sequence[str],
        window_ms: int = 5_000,
        timeout_ms: int = 3_000,
        latency_ms: int = 20,
    ) -> None:
        self.capabilities = VenueCapabilities(
            client_ids=ClientIdScope.OPEN_ORDERS,
            request_window_ms=window_ms,
            cancel_settles=True,
            order_kinds=ORDER_KINDS,
        )
        self.engine = engine
        self.truth = VenueTruth(engine)
        self.wire: list[WireRequest] = []
        self.feed_up = True
        self.skew_ns = 0
        self._leap = (0, 0)  # When our clock was last set back against the venue's, and by how much.
        self._plan = plan
        self._symbols = tuple(symbols)
        self._window_ns = window_ms * NS_PER_MS
        self._network = VirtualNetwork(
            plan, timeout_ns=timeout_ms * NS_PER_MS, latency_ns=latency_ms * NS_PER_MS
        )
        self._user_up = self._user_heard = True
        self._lags: dict[str, int] = {}
        self._people = 0
        self._listings = Listings(engine, self._network, symbols)

    # What the agent does.

    def place(self, command: PlaceOrder, now_ns: int) -> Sequence[Event]:
        """Send an order, once; during a rate limit it is dropped before the first byte."""
        request = command.request
        name = request.client_order_id
        if now_ns < self._network.retry_ns:
            return [OrderDropped(now_ns, name, "rate limited")]
        self.wire.append(WireRequest(now_ns, Operation.PLACE, name, request))

        def act(time_ns: int, faults: Faults) -> Action:
            venue_ns = time_ns + self.skew_ns
            if not command.stamp_ns - _AHEAD_NS <= venue_ns <= command.stamp_ns + self._window_ns:
                refusal = OrderRejected(time_ns, name, "-1021", "the stamp is outside of the window")
            elif Kind.REFUSED in faults:
                refusal = OrderRejected(time_ns, name, "-1013", "a filter refused the order")
            elif reason := self._listings.refusal(request):
                refusal = OrderRejected(time_ns, name, "-1013", reason)
            else:
                return self._take_in(request, time_ns)
            return lambda heard_ns: [evolve(refusal, time_ns=heard_ns)]

        def fail(heard_ns: int, problem: str, *, refused: bool) -> Sequence[Event]:
            if refused:
                return [OrderRejected(heard_ns, name, "429", problem)]
            return [OrderOutcomeUnknown(heard_ns, name, problem)]

        self._network.carry(Operation.PLACE, now_ns, act, fail)
        return ()

    def cancel(self, command: CancelOrder, now_ns: int) -> Sequence[Event]:
        """Send the cancel of one order."""
        name = command.client_order_id
        if now_ns < self._network.retry_ns:
            return [RequestFailed(now_ns, "cancel", name, "rate limited")]
        self.wire.append(WireRequest(now_ns, Operation.CANCEL, name, symbol=command.symbol))

        def act(time_ns: int, _faults: Faults) -> Action:
            ended = self._happened(self.engine.cancel(command.symbol, name, time_ns), time_ns)
            if not ended:
                return lambda heard_ns: [CancelRefused(heard_ns, name, "-2011 unknown order")]
            return lambda heard_ns: [evolve(event, time_ns=heard_ns) for event in ended]

        self._network.carry(Operation.CANCEL, now_ns, act, _failure("cancel", name))
        return ()

    def cancel_all(self, command: CancelAllOrders, now_ns: int) -> Sequence[Event]:
        """Send the cancel of everything of ours; other people's orders stay (invariant I17)."""
        if now_ns < self._network.retry_ns:
            return [RequestFailed(now_ns, "cancel_all", command.symbol or "", "rate limited")]
        self.wire.append(WireRequest(now_ns, Operation.CANCEL_ALL, "", symbol=command.symbol))

        def act(time_ns: int, _faults: Faults) -> Action:
            ended: list[Event] = []
            for order in self.engine.open_orders(command.symbol):
                if not is_foreign(order.client_order_id):
                    cancel = self.engine.cancel(order.symbol, order.client_order_id, time_ns)
                    ended += self._happened(cancel, time_ns)
            return lambda heard_ns: [evolve(event, time_ns=heard_ns) for event in ended]

        self._network.carry(Operation.CANCEL_ALL, now_ns, act, _failure("cancel_all", command.symbol or ""))
        return ()

    def query(self, command: QueryOrder, now_ns: int) -> Sequence[Event]:
        """Ask what became of one order."""
        name = command.client_order_id
        if now_ns < self._network.retry_ns:
            return [RequestFailed(now_ns, "query", name, "rate limited")]
        self.wire.append(WireRequest(now_ns, Operation.QUERY, name))

        def act(time_ns: int, faults: Faults) -> Action:
            if Kind.STALE in faults:  # Whoever is served by a slow replica stays with it.
                self._lags[name] = max(self._lags.get(name, 0), faults[Kind.STALE].amount * NS_PER_MS)
            as_of_ns = self._as_of(time_ns, self._lags.get(name, 0))
            order = self.truth.order_at(name, as_of_ns)
            fills = tuple(self.truth.trades_at(as_of_ns, command.symbol, command.trades_after))
            venue_ns = time_ns + self.skew_ns
            return lambda heard_ns: [OrderQueryAnswered(heard_ns, venue_ns, now_ns, name, order, fills)]

        self._network.carry(Operation.QUERY, now_ns, act, _failure("query", name))
        return ()

    def observe(self, command: ObserveVenue, now_ns: int) -> Sequence[Event]:
        """Ask for open orders, own trades and balances."""
        if now_ns < self._network.retry_ns:
            return [RequestFailed(now_ns, "observe", "", "rate limited")]
        self.wire.append(WireRequest(now_ns, Operation.OBSERVE, ""))

        def act(time_ns: int, faults: Faults) -> Action:
            lag_ns = faults[Kind.STALE].amount * NS_PER_MS if Kind.STALE in faults else 0
            as_of_ns = self._as_of(time_ns, lag_ns)
            torn_ns = as_of_ns - (faults[Kind.TORN].amount * NS_PER_MS if Kind.TORN in faults else 0)
            after = dict(command.trades_after)
            fills = tuple(
                fill
                for symbol in self._symbols
                for fill in self.truth.trades_at(as_of_ns, symbol, after.get(symbol, ""))
            )
            orders, balances = self.truth.open_orders_at(as_of_ns), self.truth.balances_at(torn_ns)
            venue_ns = time_ns + self.skew_ns
            return lambda heard_ns: [VenueStateObserved(heard_ns, venue_ns, orders, fills, balances, now_ns)]

        self._network.carry(Operation.OBSERVE, now_ns, act, _failure("observe", ""))
        return ()

    # What time brings.

    def next_ns(self) -> int | None:
        """Return when the next thing happens."""
        return self._network.next_ns()

    def pop(self) -> Sequence[Event]:
        """Let the next thing happen; return what the agent hears of it."""
        return self._network.pop()

    @property
    def answered(self) -> int:
        """Return how many requests have been answered, or given up."""
        return self._network.answered

    def on_market(self, event: MarketEvent) -> None:
        """Let the market move at the venue; fills go to the stream of our orders."""
        time_ns = event.time_ns
        self._happened(self.engine.on_market(event), time_ns)

    def take_by_hand(self, request: OrderRequest, now_ns: int) -> None:
        """Let a person place an order of their own in the account, past every fault."""
        self._take_in(request, now_ns)

    def hang_up(self) -> None:
        """Serve nobody: the process that listened is dead."""
        self._network.hang_up()

    def connect(self, now_ns: int) -> None:
        """Serve a new process: nothing that was meant for the old one reaches it."""
        self._network.hang_up()
        self._network.retry_ns = 0
        soon_ns = now_ns + self._network.latency_ns
        self._network.later(soon_ns, lambda time_ns: [ClockMeasured(time_ns, self.skew_ns)])
        self._network.later(soon_ns, self._listings.told)
        if self._user_up:
            self._network.later(soon_ns, lambda time_ns: [StreamConnected(time_ns, USER)])
        else:
            self._network.later(now_ns, lambda time_ns: [StreamLost(time_ns, USER, "cannot be opened")])

    def strike(self, fault: Fault, now_ns: int) -> Sequence[Event]:
        """Let a fault of a connection or of the account happen now; return what the agent hears at once."""
        until_ns = now_ns + fault.amount * NS_PER_MS
        self._plan.fire(fault)
        match fault.kind:
            case Kind.USER_STREAM_DOWN:
                return self._lose_user_stream(now_ns, until_ns)
            case Kind.USER_STREAM_SILENT:
                self._user_heard = False
                self._network.at(until_ns, self._hear_user)
            case Kind.FEED_DOWN:
                return self._lose_feed(now_ns, until_ns)
            case Kind.FEED_SILENT:
                self.feed_up = False
                self._network.at(until_ns, self._hear_feed)
            case Kind.NETWORK_DOWN:
                self._network.up = False
                self._network.at(until_ns, self._reach_venue)
                return [*self._lose_user_stream(now_ns, until_ns), *self._lose_feed(now_ns, until_ns)]
            case Kind.CLOCK_SKEW:
                self._set_clock(now_ns, fault.amount * NS_PER_MS)
                self._network.at(now_ns + _SKEW_LASTS_NS, lambda time_ns: self._set_clock(time_ns, 0))
            case Kind.HALTED:
                self._listings.halt(now_ns, until_ns)
            case Kind.RULES_CHANGED:
                self._listings.change_rules(now_ns, until_ns)
            case Kind.MANUAL_CANCEL:
                for order in self.engine.open_orders()[:1]:
                    cancel = self.engine.cancel(order.symbol, order.client_order_id, now_ns)
                    self._happened(cancel, now_ns)
            case Kind.FOREIGN_TRADE:
                self._trade_by_hand(now_ns)
            case _:
                message = f"{fault.kind} is no fault of a venue or its connections"
                raise ValueError(message)
        return ()

    def _take_in(self, request: OrderRequest, time_ns: int) -> Action:
        [answer] = self.engine.submit(request, time_ns)
        if isinstance(answer, OrderAcknowledged):
            self.truth.take(request, answer, time_ns)
            self._happened([answer], time_ns)
        return lambda heard_ns: [evolve(answer, time_ns=heard_ns)]

    def _happened(self, events: Iterable[Event], time_ns: int) -> list[Event]:
        """Note what the engine did, and put it on the stream of our orders."""
        happened = list(events)
        if happened:
            self.truth.note(happened, time_ns)
            self.truth.note_state(time_ns)
            for event in happened:
                self._stream(event, time_ns)
        return happened

    def _stream(self, event: Event, time_ns: int) -> None:
        if not is_foreign(_name_of(event)) and self._user_up and self._user_heard and self._network.up:
            self._network.tell(event, time_ns)

    def _trade_by_hand(self, now_ns: int) -> None:
        """Let a person buy a little of the first symbol."""
        self._people += 1
        instrument = self.engine.market(self._symbols[0]).instrument
        name = f"person-{self._people}"
        quantity = max(instrument.min_quantity, instrument.lot_size) * _BY_HAND
        request = OrderRequest(
            name,
            name,
            "",
            instrument.symbol,
            Side.BUY,
            OrderType.MARKET,
            TimeInForce.GTC,
            quantity,
            None,
            post_only=False,
            reduce_only=False,
        )
        self._take_in(request, now_ns)

    def _lose_user_stream(self, now_ns: int, until_ns: int) -> list[Event]:
        self._user_up = False
        self._network.at(until_ns, self._open_user)
        return [StreamLost(now_ns, USER, "closed by the venue")]

    def _lose_feed(self, now_ns: int, until_ns: int) -> list[Event]:
        self.feed_up = False
        self._network.at(until_ns, self._open_feed)
        return [StreamLost(now_ns, MARKET, "closed by the venue")]

    def _open_user(self, time_ns: int) -> Sequence[Event]:
        self._user_up = True
        return [StreamConnected(time_ns, USER)]

    def _open_feed(self, time_ns: int) -> Sequence[Event]:
        self.feed_up = True
        return [StreamConnected(time_ns, MARKET)]

    def _hear_user(self, _time_ns: int) -> Sequence[Event]:
        self._user_heard = True
        return ()

    def _hear_feed(self, _time_ns: int) -> Sequence[Event]:
        self.feed_up = True
        return ()

    def _reach_venue(self, _time_ns: int) -> Sequence[Event]:
        self._network.up = True
        return ()

    def _as_of(self, time_ns: int, lag_ns: int) -> int:
        """Return the time of what is known *lag_ns* later, which a venue counts by its own clock."""
        at_ns, leap_ns = self._leap
        before_ns = time_ns - lag_ns
        return max(before_ns, min(at_ns, before_ns + leap_ns))

    def _set_clock(self, time_ns: int, skew_ns: int) -> Sequence[Event]:
        """Let the venue's clock be ahead of ours; the agent measures it a moment later."""
        if skew_ns > self.skew_ns:
            self._leap = (time_ns, skew_ns - self.skew_ns)
        self.skew_ns = skew_ns
        self._network.later(
            time_ns + self._network.latency_ns, lambda heard_ns: [ClockMeasured(heard_ns, skew_ns)]
        )
        return ()


def _failure(request: str, subject: str) -> Fail:
    def fail(heard_ns: int, problem: str, *, refused: bool) -> Sequence[Event]:
        return [RequestFailed(heard_ns, request, subject, f"refused: {problem}" if refused else problem)]

    return fail


def _name_of(event: Event) -> str:
    match event:
        case OrderFilled(fill=fill):
            return fill.client_order_id
        case OrderAcknowledged() | OrderCanceled():
            return event.client_order_id
        case _:
            return str(getattr(event, "client_order_id", ""))


def is_foreign(client_order_id: str) -> bool:
    """Return whether an order was placed by another hand."""
    return client_order_id.startswith("person-")
