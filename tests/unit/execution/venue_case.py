"""Offer a small venue, orders and market events for the tests of the matching engine; check nothing."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from meva_core.events import BookChanged, Event, OrderFilled, QuoteReceived
from meva_core.execution.matching import MatchingEngine
from meva_core.execution.venue_fees import FeeSchedule
from meva_core.model.fill import Fill
from meva_core.model.instrument import Instrument
from meva_core.model.market import Candle, Side
from meva_core.model.order import OrderRequest, OrderType, TimeInForce

BUY, SELL = Side.BUY, Side.SELL
GTC, IOC, FOK = TimeInForce.GTC, TimeInForce.IOC, TimeInForce.FOK
ONE = Decimal(1)

COIN = Instrument("COIN/USD", "COIN", "USD", tick_size=ONE, lot_size=ONE)  # Ticks and lots are the numbers.
BTC = Instrument(
    "BTC/USDT",
    "BTC",
    "USDT",
    tick_size=Decimal("0.01"),
    lot_size=Decimal("0.001"),
    min_quantity=Decimal("0.002"),
    max_quantity=Decimal(9),
    min_notional=Decimal(5),
    max_notional=Decimal(10_000),
)
FREE = FeeSchedule(maker_bps=Decimal(0), taker_bps=Decimal(0))


def venue(
    fill_model: str = "next_trade",
    *,
    balances: dict[str, int] | None = None,
    last_ticks: int = 100,
    fees: FeeSchedule = FREE,
    **options: Any,
) -> MatchingEngine:
    """Return a venue for COIN/USD whose last price is *last_ticks*."""
    amounts = {"USD": 100_000, "COIN": 1_000} if balances is None else balances
    engine = MatchingEngine(
        [COIN],
        balances={asset: Decimal(amount) for asset, amount in amounts.items()},
        fees=fees,
        fill_model=fill_model,
        **options,
    )
    engine.market("COIN/USD").last_ticks = last_ticks
    return engine


def request(
    side: Side,
    quantity: int | str,
    limit: int | str | None = None,
    *,
    name: str = "o-1",
    symbol: str = "COIN/USD",
    time_in_force: TimeInForce = GTC,
    post_only: bool = False,
) -> OrderRequest:
    """Return a market order, or a limit order when there is a *limit*."""
    return OrderRequest(
        client_order_id=name,
        idem_key=f"key-{name}",
        strategy="test",
        symbol=symbol,
        side=side,
        type=OrderType.MARKET if limit is None else OrderType.LIMIT,
        time_in_force=time_in_force,
        quantity=Decimal(quantity),
        limit_price=None if limit is None else Decimal(limit),
        post_only=post_only,
        reduce_only=False,
    )


def trade(
    engine: MatchingEngine,
    time_ns: int,
    price_ticks: int,
    lots: int = 1,
    taker_side: Side = SELL,
    symbol: str = "COIN/USD",
) -> list[Event]:
    """Print a trade."""
    return engine.on_trade(symbol, time_ns=time_ns, price_ticks=price_ticks, lots=lots, taker_side=taker_side)


def bar(engine: MatchingEngine, open_ns: int, *prices: int, volume: int = 1_000) -> list[Event]:
    """Close a bar of ten nanoseconds with these open, high, low, close."""
    opening, high, low, close = prices
    candle = Candle(open_ns, open_ns + 10, opening, high, low, close, volume)
    return engine.on_bar("COIN/USD", candle, open_ns + 10)


def quote(engine: MatchingEngine, time_ns: int, bid: tuple[int, int], ask: tuple[int, int]) -> list[Event]:
    """Show a best bid and ask, each a price and lots."""
    return engine.on_quote(QuoteReceived(time_ns, "COIN/USD", *bid, *ask))


def book(
    engine: MatchingEngine,
    time_ns: int,
    *,
    bids: Iterable[tuple[int, int]] = (),
    asks: Iterable[tuple[int, int]] = (),
    first: int = -1,
    last: int = -1,
    snapshot: bool = True,
) -> list[Event]:
    """Show a book snapshot, or a change of it."""
    return engine.on_book(BookChanged(time_ns, "COIN/USD", snapshot, first, last, tuple(bids), tuple(asks)))


def fills(events: Iterable[Event]) -> list[Fill]:
    """Return the fills among *events*."""
    return [event.fill for event in events if isinstance(event, OrderFilled)]


def told(events: Iterable[Event]) -> list[tuple[str, ...]]:
    """Return each event in short: its name, the order, and what was filled or why it ended."""
    return [_told(event) for event in events]


def _told(event: Event) -> tuple[str, ...]:
    name = type(event).__name__.removeprefix("Order").lower()
    if isinstance(event, OrderFilled):
        fill = event.fill
        return name, fill.client_order_id, f"{fill.quantity} at {fill.price}", fill.liquidity.value
    detail = getattr(event, "code", None) or getattr(event, "reason", None) or ""
    return (name, event.client_order_id, detail) if detail else (name, event.client_order_id)  # type: ignore[union-attr]
