"""Run the exchange contract on the simulated venue, in process and in virtual time."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from meva_adapters.contracts.case import NotProvenError
from meva_adapters.contracts.exchange_harness import (
    Mishap,
    Request,
    Trouble,
)
from meva_adapters.exchange.simulated.awaited_exchange import AwaitedExchange
from meva_adapters.exchange.simulated.faults import Fault, FaultPlan, Kind, Operation
from meva_adapters.exchange.simulated.simulated_exchange import SimulatedExchange
from meva_adapters.venue.settings import DEFAULT_BALANCES
from meva_core.events import TradeReceived
from meva_core.execution.matching import MatchingEngine
from meva_core.model.market import Side
from meva_core.model.order import OrderRequest, OrderType, TimeInForce
from meva_core.ports.exchange import ExchangeAdapter
from meva_core.ports.market_feed import EventStream
from meva_runners.harnesses.engine_harness import RESTING, START_NS, EngineHarness
from meva_runners.harnesses.still_market import INSTRUMENTS, opening, quote_of

_EVER_MS: Final = 10**9
_CUT_MS: Final = 200
_PART_LOTS: Final = 10
_SOON_NS: Final = 10**9
_OPERATIONS: Final = {
    Request.PLACE: Operation.PLACE,
    Request.CANCEL: Operation.CANCEL,
    Request.FIND_ORDER: Operation.QUERY,
    Request.OPEN_ORDERS: Operation.OBSERVE,
    Request.OWN_TRADES: Operation.OBSERVE,
    Request.BALANCES: Operation.OBSERVE,
}
_KINDS: Final = {
    Mishap.REQUEST_LOST: Kind.REQUEST_LOST,
    Mishap.ANSWER_LOST: Kind.RESPONSE_LOST,
    Mishap.SILENCE_BEFORE: Kind.REQUEST_LOST,
    Mishap.SILENCE_AFTER: Kind.RESPONSE_LOST,
    Mishap.ERROR_BEFORE: Kind.ERROR_BEFORE,
    Mishap.ERROR_AFTER: Kind.ERROR_AFTER,
    Mishap.STALE: Kind.STALE,
}
_LASTING: Final = {
    Mishap.DOWN: Kind.NETWORK_DOWN,
    Mishap.HALT: Kind.HALTED,
}


class SimulatedHarness(EngineHarness):
    """Let the simulated venue's own plan of faults bring everything about."""

    async def start(self) -> ExchangeAdapter:
        """Open the market."""
        self.engine = MatchingEngine(
            INSTRUMENTS, balances=DEFAULT_BALANCES, fees=self.fees, fill_model="volume"
        )
        self.plan = FaultPlan([])
        self.venue = SimulatedExchange(self.engine, self.plan, symbols=[each.symbol for each in INSTRUMENTS])
        self.truth = self.venue.truth
        self.adapter = AwaitedExchange(self.venue, now_ns=START_NS)
        for instrument in INSTRUMENTS:
            for event in opening(instrument, START_NS):
                self.venue.on_market(event)
        return self.adapter

    def now_ns(self) -> int:
        """Return virtual time."""
        return self.adapter.now_ns

    def sent(self, request: Request) -> int:
        """Return how many requests left."""
        operation = _OPERATIONS.get(request)
        return sum(each.operation is operation for each in self.venue.wire)

    def foreign_id(self, number: int) -> str:
        """Return a name that the simulated venue takes for a person's."""
        return f"person-{number}"

    async def trouble(self, trouble: Trouble) -> None:
        """Put a fault into the plan, or strike at once."""
        if trouble.mishap in _LASTING:
            fault = Fault(Operation.SECOND, 0, _LASTING[trouble.mishap], _EVER_MS)
            self.adapter.stream.take(self.venue.strike(fault, self.now_ns()))
        elif trouble.mishap is Mishap.STREAM_CUT:
            fault = Fault(Operation.SECOND, 0, Kind.USER_STREAM_DOWN, _CUT_MS)
            self.adapter.stream.take(self.venue.strike(fault, self.now_ns()))
        elif trouble.mishap is Mishap.STREAM_DOUBLE:
            for _ in range(trouble.amount):
                self.plan.strike_next(Operation.STREAM, Kind.DUPLICATED, 1)
        elif trouble.mishap is Mishap.CLOCK_OFFSET:
            self.venue.skew_ns = trouble.amount * 10**6
        elif trouble.mishap is Mishap.RATE_LIMIT:
            self._next(trouble, Kind.RATE_LIMITED, trouble.amount * 1_000)
        elif trouble.mishap in _KINDS:
            self._next(trouble, _KINDS[trouble.mishap], trouble.amount)
        else:
            await super().trouble(trouble)

    async def place_by_hand(self, client_order_id: str, *, quantity: Decimal, price: Decimal) -> None:
        """Place a person's order past the adapter."""
        request = OrderRequest(
            client_order_id=client_order_id,
            idem_key=client_order_id,
            strategy="",
            symbol=self.symbol,
            side=Side.BUY,
            type=OrderType.LIMIT,
            time_in_force=TimeInForce.GTC,
            quantity=quantity,
            limit_price=price,
            post_only=False,
            reduce_only=False,
        )
        self.venue.take_by_hand(request, self.adapter.now_ns)

    async def trade_by_hand(self, count: int) -> None:
        """Let a person's one order fill in *count* parts."""
        instrument, name = self.instrument(), self.foreign_id(0)
        part = instrument.quantity(_PART_LOTS)
        await self.place_by_hand(name, quantity=part * count, price=quote_of(instrument)[0] * RESTING)
        for _ in range(count):
            await self.execute(name, part)

    def stream(self) -> EventStream:
        """Return the stream of our orders."""
        return self.adapter.stream

    def _next(self, trouble: Trouble, kind: Kind, amount: int) -> None:
        operation = _OPERATIONS.get(trouble.request)
        if operation is None:
            raise NotProvenError(f"request of its own for: {trouble.request}")
        self.plan.strike_next(operation, kind, amount)

    def _trade(self, price_ticks: int, lots: int) -> None:
        now_ns = self.adapter.now_ns + 1
        self.venue.on_market(TradeReceived(now_ns, self.symbol, price_ticks, lots, Side.SELL))
        self.adapter.run_until(now_ns + _SOON_NS)


harness = SimulatedHarness
