"""A venue in process tells of an order also after it ended, and forgets the oldest ends first."""

from __future__ import annotations

from decimal import Decimal

from meva_adapters.clock.manual import ManualClock
from meva_adapters.exchange.simulated.matching_exchange import MatchingExchange
from meva_adapters.exchange.simulated.seen_orders import SeenOrders
from meva_core.commands import CancelOrder, PlaceOrder, QueryOrder
from meva_core.events import ObservedOrder, OrderQueryAnswered, TradeReceived
from meva_core.model.market import Side
from meva_core.model.order import OrderType
from meva_runners.composition import compose_venue
from tests.integration.exchange.binance_case import order
from tests.replay.case import config

SYMBOL = "BTC/USDT"


def ended(name: str, symbol: str = SYMBOL) -> ObservedOrder:
    """Return an order that is over."""
    return ObservedOrder(name, "1", symbol, Side.BUY, Decimal(1), Decimal(1), "filled")


def test_the_oldest_ends_are_forgotten_and_open_orders_never() -> None:
    """Beyond its bound; an order that ends again under its name is the newest."""
    resting = ObservedOrder("open", "1", SYMBOL, Side.BUY, Decimal(1), Decimal(0), "accepted")
    seen = SeenOrders([resting, *map(ended, ("a", "b", "a", "c"))], ended_max=2)

    assert [True, False, True, True] == [bool(seen.find(SYMBOL, name)) for name in ("a", "b", "c", "open")]
    assert seen.find("ETH/USDT", "a") is None


async def test_what_became_of_an_order_is_told_when_asked() -> None:
    """Filled, cancelled, refused, and one that rested before this exchange took the engine over."""
    engine, clock = compose_venue(config()), ManualClock(1)

    def trade(price: int) -> TradeReceived:
        clock.advance(1)
        return TradeReceived(clock.now_ns(), SYMBOL, price, 10**9, Side.SELL)

    first = MatchingExchange(engine, clock)
    first.on_market(trade(6_000_000))
    before = limit("before")
    await first.place(before)
    exchange = MatchingExchange(engine, clock)
    for name in ("filled", "gone", "refused"):
        await exchange.place(limit(name, quantity="0" if name == "refused" else "0.001"))
    await exchange.cancel(CancelOrder(SYMBOL, "gone", "test"))
    exchange.on_market(trade(5_000_000))
    told = {}
    for name in ("filled", "gone", "refused", "before", "never"):
        [answer] = await exchange.query(QueryOrder(SYMBOL, name))
        assert isinstance(answer, OrderQueryAnswered)
        told[name] = answer.order.status if answer.order else None

    assert {
        "filled": "filled",
        "gone": "canceled",
        "refused": None,
        "before": "filled",
        "never": None,
    } == told


def limit(name: str, *, quantity: str = "0.001") -> PlaceOrder:
    """Return the command to bid below the market."""
    return order(
        name, symbol=SYMBOL, type=OrderType.LIMIT, limit_price=Decimal(59_000), quantity=Decimal(quantity)
    )
