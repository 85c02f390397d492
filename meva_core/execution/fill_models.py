"""Decide which open orders a market event fills, at what price and how much; move no money.

Each model looks only at the event and at orders that arrived before it, so nothing fills by the event that
caused its decision, and nothing looks ahead. What the three have in common:

- An order that takes (market, marketable, IOC, FOK) meets the first event after its arrival and only that
  one; what is left of it then expires (IOC, FOK) or rests. Takers go first, in order of arrival.
- Resting orders follow in price-time order, bids before asks, at their limit price, as makers.
- Our orders do not trade with one another.

| model | an event offers | the rest of a market order |
|---|---|---|
| `next_trade` | any quantity | there is none |
| `volume` | the trade's quantity, or a share of the bar's volume | waits for the next trade or bar |
| `book` | the visible levels; to resting orders what passes the queue before them | expires |

Bars (`next_trade`, `volume`), for orders that arrived no later than the bar's open: a market order fills at
the open, worsened by the slippage, even if that is outside the bar; a limit order at the open if the open is
better than its limit (as a taker, unless post-only), else at its limit if the bar trades strictly through it.
IOC and FOK have the open alone. A bar without volume fills nothing. The `book` model fills nothing on bars.

Queue (`book`): an order rests behind the lots visible at its price. Trades at the price by takers of the
other side shorten the queue. A level that shrinks below the queue shortens it to the level: others' cancels
are taken to come from behind us until that is impossible. A trade through the price fills up to its quantity;
so does liquidity that shows up at the price or through it on the other side. A trade and the book change that
it caused count once if the trade comes first; in the other order the queue shortens twice.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from itertools import chain
from typing import Final, Protocol

from attrs import frozen

from meva_core.errors import ConfigError
from meva_core.execution.venue_orders import NEVER, Expiry, OpenOrders, VenueOrder
from meva_core.execution.visible_book import Leg, VisibleBook
from meva_core.model.fill import Liquidity
from meva_core.model.market import Candle, Side

_BPS_PER_UNIT: Final = 10_000
# Bound once: an enum looks its members up slowly, and these are per order.
_MAKER: Final = Liquidity.MAKER
_TAKER: Final = Liquidity.TAKER
_FOK: Final = Expiry.FOK

# What one event does to one order: its fills, and why the rest of it ends, if it does. The outcome of a taking
# order without expiry lets the rest of a limit order rest. A plain tuple, for one is made per fill.
Outcome = tuple[VenueOrder, list[Leg], Liquidity, Expiry | None]


class FillModel(Protocol):
    """Answer market events with outcomes, best priority first, at most one per order."""

    @property
    def needs_book(self) -> bool:
        """Return whether orders are refused while the visible book is unknown."""
        ...

    def on_trade(
        self, orders: OpenOrders, book: VisibleBook, *, price_ticks: int, lots: int, taker_side: Side
    ) -> list[Outcome]:
        """Match against a trade."""
        ...

    def on_bar(self, orders: OpenOrders, candle: Candle) -> list[Outcome]:
        """Match against a closed bar."""
        ...

    def on_book(self, orders: OpenOrders, book: VisibleBook) -> list[Outcome]:
        """Match against the book after it changed."""
        ...


@frozen
class FillSettings:
    """Hold what the models assume.

    *slippage_bps* worsens the price of market orders on trades and bars, not on the book, which has its own.
    *bar_volume_share* is the part of a bar's volume that `volume` lets our orders have.
    """

    slippage_bps: Decimal = Decimal(0)
    bar_volume_share: Decimal = Decimal("0.1")

    def __attrs_post_init__(self) -> None:
        problems = []
        if not self.slippage_bps.is_finite() or not 0 <= self.slippage_bps < _BPS_PER_UNIT:
            problems.append(
                f"slippage_bps: got {self.slippage_bps}. Expected from 0 to below {_BPS_PER_UNIT}."
            )
        if not self.bar_volume_share.is_finite() or not 0 < self.bar_volume_share <= 1:
            problems.append(f"bar_volume_share: got {self.bar_volume_share}. Expected above 0, at most 1.")
        if problems:
            raise ConfigError(tuple(problems))


class TradeFills:
    """Fill on trades and bars; *limited* by what traded, or whatever the size."""

    needs_book: Final = False

    def __init__(self, settings: FillSettings, *, limited: bool) -> None:
        self._limited = limited
        # Ratios of integers: prices and quantities stay on the grid, rounded only where it is said.
        self._slippage, scale = settings.slippage_bps.as_integer_ratio()
        self._slippage_scale = scale * _BPS_PER_UNIT
        self._bar_share, self._bar_share_scale = settings.bar_volume_share.as_integer_ratio()

    def on_trade(
        self,
        orders: OpenOrders,
        book: VisibleBook,
        *,
        price_ticks: int,
        lots: int,
        taker_side: Side,
    ) -> list[Outcome]:
        """Fill takers at the trade's price and every resting order that it reaches."""
        offered = lots if self._limited else NEVER
        outcomes: list[Outcome] = []
        for order in orders.taking:
            price = price_ticks if order.is_market or order.accepts(price_ticks) else None
            if self._slippage and price is not None:
                price = self._slipped(order, price)
            offered -= _match(outcomes, order, price, offered, _TAKER)
        if orders.bids or orders.asks:
            for resting in (orders.bids, orders.asks):
                for order in resting:
                    if not offered or not order.accepts(price_ticks):
                        break
                    offered -= _match(outcomes, order, order.limit_ticks, offered, _MAKER)
        return outcomes

    def on_bar(self, orders: OpenOrders, candle: Candle) -> list[Outcome]:
        """Fill what the bar reaches, by the rule in the module's docstring."""
        if not candle.volume:
            return []
        offered = candle.volume * self._bar_share // self._bar_share_scale if self._limited else NEVER
        outcomes: list[Outcome] = []
        for order in chain(orders.taking, orders.bids, orders.asks):
            if order.arrived_ns <= candle.open_ns:
                price, liquidity = self._bar_price(order, candle)
                if order.taking or (price is not None and offered):
                    offered -= _match(outcomes, order, price, offered, liquidity)
        return outcomes

    def on_book(self, orders: OpenOrders, book: VisibleBook) -> list[Outcome]:
        """Fill nothing: a book shows what could trade, not what did."""
        return []

    def _bar_price(self, order: VenueOrder, candle: Candle) -> tuple[int | None, Liquidity]:
        if order.is_market:
            return self._slipped(order, candle.open), _TAKER
        if order.prefers(candle.open):
            if order.request.post_only:  # It cannot take, so it gains nothing from the gap either.
                return order.limit_ticks, _MAKER
            return candle.open, _TAKER
        if order.unfilled_expiry is None and order.prefers(candle.low if order.is_buy else candle.high):
            return order.limit_ticks, _TAKER if order.taking else _MAKER
        return None, _TAKER

    def _slipped(self, order: VenueOrder, price_ticks: int) -> int:
        if not self._slippage or not order.is_market:
            return price_ticks  # A limit order names its own worst price.
        worse = -(-price_ticks * self._slippage // self._slippage_scale)  # Rounded up: against us.
        return price_ticks + worse if order.is_buy else max(1, price_ticks - worse)


class BookFills:
    """Fill against the visible book, and queue for what rests in it."""

    needs_book: Final = True

    def on_trade(
        self, orders: OpenOrders, book: VisibleBook, *, price_ticks: int, lots: int, taker_side: Side
    ) -> list[Outcome]:
        """Let takers walk the book; let the trade pass the queue of the side that it hit."""
        outcomes = _walk(orders, book)
        for resting, hitting in ((orders.bids, Side.SELL), (orders.asks, Side.BUY)):
            reach = lots  # Of the trade's lots, those that our better orders left.
            for order in resting:
                if order.prefers(price_ticks):
                    order.queue_ahead = 0
                elif taker_side is not hitting or not order.accepts(price_ticks):
                    break
                price, offered = order.limit_ticks, max(0, reach - order.queue_ahead)
                order.queue_ahead = max(0, order.queue_ahead - reach)
                if offered:
                    reach -= _match(outcomes, order, price, offered, _MAKER)
        return outcomes

    def on_bar(self, orders: OpenOrders, candle: Candle) -> list[Outcome]:
        """Fill nothing: a bar says nothing of queues."""
        return []

    def on_book(self, orders: OpenOrders, book: VisibleBook) -> list[Outcome]:
        """Let takers walk the book, shorten queues that it no longer shows, fill what it crosses."""
        outcomes = _walk(orders, book)
        if book.known:
            for order in chain(orders.bids, orders.asks):
                visible = book.visible_lots(order.limit_ticks, is_buy=order.is_buy)
                order.queue_ahead = min(order.queue_ahead, visible)
                against = book.against(is_buy=order.is_buy)
                if against.best and order.accepts(against.best):
                    crossing = _allot(against.offers(order.limit_ticks), order.open_lots)
                    against.take(crossing)
                    offered = sum(lots for _, lots in crossing)
                    if offered:
                        _match(outcomes, order, order.limit_ticks, offered, _MAKER)
        return outcomes


def _next_trade(settings: FillSettings) -> FillModel:
    return TradeFills(settings, limited=False)


def _volume(settings: FillSettings) -> FillModel:
    return TradeFills(settings, limited=True)


def _book(_settings: FillSettings) -> FillModel:
    return BookFills()


FILL_MODELS: Final[dict[str, Callable[[FillSettings], FillModel]]] = {
    "next_trade": _next_trade,
    "volume": _volume,
    "book": _book,
}


def named_fill_model(name: str, settings: FillSettings) -> FillModel:
    """Return the model called *name*; raise `ConfigError` on an unknown one."""
    try:
        return FILL_MODELS[name](settings)
    except KeyError:
        raise ConfigError((f"fill_model: got {name!r}. Expected one of {', '.join(FILL_MODELS)}.",)) from None


def _match(
    outcomes: list[Outcome], order: VenueOrder, price_ticks: int | None, offered: int, liquidity: Liquidity
) -> int:
    """Add the outcome of *offered* lots at one price (None: no price); return how many the order had."""
    wanted = order.open_lots
    if price_ticks is not None and wanted <= offered:
        outcomes.append((order, [(price_ticks, wanted)], liquidity, None))
        return wanted
    expiry = order.unfilled_expiry
    if price_ticks is None or not offered or expiry is _FOK:
        outcomes.append((order, [], liquidity, expiry))
        return 0
    outcomes.append((order, [(price_ticks, offered)], liquidity, expiry))
    return offered


def _walk(orders: OpenOrders, book: VisibleBook) -> list[Outcome]:
    """Let every taking order take the visible levels up to its limit; wait while the book is unknown."""
    return [_take(order, book) for order in orders.taking] if book.known else []


def _take(order: VenueOrder, book: VisibleBook) -> Outcome:
    against = book.against(is_buy=order.is_buy)
    legs = _allot(against.offers(order.limit_ticks), order.open_lots)
    filled = sum(lots for _, lots in legs) == order.open_lots
    if not filled and order.unfilled_expiry is _FOK:
        return order, [], _TAKER, _FOK
    against.take(legs)
    rest = Expiry.NO_LIQUIDITY if order.is_market else order.unfilled_expiry
    return order, legs, _TAKER, None if filled else rest


def _allot(offers: list[Leg], wanted: int) -> list[Leg]:
    legs = []
    for price_ticks, lots in offers:
        legs.append((price_ticks, min(lots, wanted)))
        wanted -= lots
        if wanted <= 0:
            break
    return legs
