"""Give the cases of the exchange contract what they all need: orders to place, and a look at the outcome."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any, Final, TypeVar, cast

from meva_adapters.contracts.case import ContractBreachError, expect_equal
from meva_adapters.contracts.exchange_harness import ExchangeHarness, Mishap, Request, Trouble, TrueOrder
from meva_core.commands import Approved, CancelAllOrders, CancelOrder, ObserveVenue, PlaceOrder, QueryOrder
from meva_core.events import (
    Event,
    OrderAcknowledged,
    OrderDropped,
    OrderFilled,
    OrderOutcomeUnknown,
    OrderQueryAnswered,
    OrderRejected,
    RequestFailed,
    VenueStateObserved,
)
from meva_core.model.instrument import Instrument
from meva_core.model.market import Side
from meva_core.model.money import quantise_down, quantise_up
from meva_core.model.order import OrderRequest, OrderType, TimeInForce
from meva_core.ports.exchange import ExchangeAdapter

E = TypeVar("E")

# Far enough from the market to rest, near enough for every price band.
_RESTING: Final = Decimal("0.9")
_CROSSING: Final = Decimal("1.02")
_MIN_NOTIONALS: Final = 10
OUTCOMES: Final = (OrderAcknowledged, OrderRejected, OrderDropped, OrderOutcomeUnknown)


class ExchangeBench:
    """Place, cancel and ask through *adapter*; the venue's truth is the *harness*'s."""

    def __init__(self, harness: ExchangeHarness, adapter: ExchangeAdapter) -> None:
        self.harness = harness
        self.adapter = adapter
        self._orders = 0

    @property
    def resting_price(self) -> Decimal:
        """Return a price at which a buy order rests."""
        return quantise_down(self.harness.quote()[0] * _RESTING, self.harness.instrument().tick_size)

    @property
    def crossing_price(self) -> Decimal:
        """Return a price at which a buy order trades at once."""
        return quantise_up(self.harness.quote()[1] * _CROSSING, self.harness.instrument().tick_size)

    @property
    def quantity(self) -> Decimal:
        """Return a small quantity, a multiple of four lots, worth some of the smallest orders."""
        return _quantity(self.harness.instrument(), self.resting_price)

    def order(self, **more: Any) -> PlaceOrder:
        """Return a new order of ours to buy, resting unless *more* says otherwise.

        *price* replaces the limit price (`None`: at market), *stamp_ns* the stamp, *number* the order's number.
        """
        self._orders += 1
        name = self.harness.own_id(more.pop("number", self._orders))
        stamp_ns = more.pop("stamp_ns", None) or self.harness.now_ns()
        price = more.pop("price", self.resting_price)
        facts: dict[str, Any] = {
            "client_order_id": name,
            "idem_key": name,
            "strategy": "contract",
            "symbol": self.harness.symbol,
            "side": Side.BUY,
            "type": OrderType.LIMIT if price is not None else OrderType.MARKET,
            "time_in_force": TimeInForce.GTC,
            "quantity": self.quantity,
            "limit_price": price,
            "post_only": False,
            "reduce_only": False,
        }
        # The permission is for the gate to give and for nobody to read: an adapter sends the request alone.
        return PlaceOrder(OrderRequest(**(facts | more)), cast("Approved", None), stamp_ns)

    async def place(self, order: PlaceOrder) -> list[Event]:
        """Place *order*; its outcome is exactly one event, which comes first."""
        events = list(await self.adapter.place(order))
        outcomes = [event for event in events if isinstance(event, OUTCOMES)]
        if len(outcomes) != 1 or events[0] is not outcomes[0]:
            raise ContractBreachError(f"one outcome must come first, got {described(events)}")
        expect_equal(name_of(order), outcomes[0].client_order_id, "the order of which the outcome speaks")
        return events

    async def resting(self, **more: Any) -> PlaceOrder:
        """Place an order that is acknowledged, and return it."""
        order = self.order(**more)
        first_of(await self.place(order), OrderAcknowledged)
        return order

    async def resting_elsewhere(self) -> PlaceOrder:
        """Place an order on the second market that is acknowledged, and return it."""
        instrument, price = self.harness.other_market()
        quantity = _quantity(instrument, price)
        return await self.resting(symbol=instrument.symbol, price=price, quantity=quantity)

    async def bought(self, **more: Any) -> PlaceOrder:
        """Place an order that trades at once, and return it."""
        order = await self.resting(**({"price": self.crossing_price} | more))
        await self.harness.settle()
        return order

    async def cancel(self, order: PlaceOrder) -> list[Event]:
        """Cancel *order*."""
        return list(await self.adapter.cancel(CancelOrder(order.request.symbol, name_of(order), "contract")))

    async def cancel_all(self, symbol: str | None = None) -> list[Event]:
        """Cancel every order of ours."""
        return list(await self.adapter.cancel_all(CancelAllOrders(symbol, "contract")))

    async def query(self, order: PlaceOrder, trades_after: str = "") -> OrderQueryAnswered:
        """Ask for *order*, and be answered."""
        asked = QueryOrder(order.request.symbol, name_of(order), trades_after)
        return first_of(await self.adapter.query(asked), OrderQueryAnswered)

    async def observe(self, trades_after: str = "") -> VenueStateObserved:
        """Ask for everything of ours, and be answered."""
        after = ((self.harness.symbol, trades_after),)
        return first_of(await self.adapter.observe(ObserveVenue("contract", after)), VenueStateObserved)

    async def failing(self, order: PlaceOrder) -> dict[str, RequestFailed]:
        """Ask and cancel in every way; each must fail, and is returned by the name of its request."""
        name, symbol = name_of(order), order.request.symbol
        answers = {
            "cancel": await self.cancel(order),
            "cancel_all": await self.cancel_all(symbol),
            "query": await self.adapter.query(QueryOrder(symbol, name)),
            "observe": await self.adapter.observe(ObserveVenue("contract", ((symbol, ""),))),
        }
        return {request: first_of(events, RequestFailed) for request, events in answers.items()}

    async def trouble(self, mishap: Mishap, request: Request = Request.OTHER, amount: int = 0) -> None:
        """Let something go wrong."""
        await self.harness.trouble(Trouble(mishap=mishap, request=request, amount=amount))

    def orders_named(self, order: PlaceOrder) -> list[TrueOrder]:
        """Return the orders of that name which the venue took."""
        return [each for each in self.harness.orders() if each.client_order_id == name_of(order)]


@asynccontextmanager
async def opened(harness: ExchangeHarness) -> AsyncIterator[ExchangeBench]:
    """Start *harness*, and stop it whatever happens."""
    try:
        yield ExchangeBench(harness, await harness.start())
    finally:
        await harness.stop()


def _quantity(instrument: Instrument, price: Decimal) -> Decimal:
    worth = max(instrument.min_notional, Decimal(1)) * _MIN_NOTIONALS
    four = instrument.lot_size * 4
    return max(quantise_up(worth / price, four), quantise_up(instrument.min_quantity * 4, four))


def name_of(order: PlaceOrder) -> str:
    """Return the client order id of *order*."""
    return order.request.client_order_id


def first_of(events: Sequence[Event], kind: type[E]) -> E:
    """Return the first event, which must be of that kind."""
    if not events or not isinstance(events[0], kind):
        raise ContractBreachError(f"expected {kind.__name__} first, got {described(events)}")
    return events[0]


def fills_of(events: Sequence[Event]) -> list[OrderFilled]:
    """Return the fills among *events*."""
    return [event for event in events if isinstance(event, OrderFilled)]


def described(events: Sequence[Event]) -> str:
    """Return *events* for a person."""
    return "[" + ", ".join(str(event) for event in events) + "]"
