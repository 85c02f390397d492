"""What the simulated venue answers is pinned: whoever makes it faster or tidier changes no single answer."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from hashlib import blake2b
from random import Random
from typing import TypeVar

import attrs
import pytest

from meva_core.events import BookChanged, Event, OrderExpired, OrderFilled, OrderRejected, QuoteReceived
from meva_core.execution.fill_models import FillSettings
from meva_core.execution.matching import MatchingEngine
from meva_core.execution.order_filters import RejectCode
from meva_core.execution.venue_fees import FeeSchedule
from meva_core.execution.venue_orders import Expiry
from meva_core.model.fill import Liquidity
from meva_core.model.instrument import Instrument
from meva_core.model.market import Candle, Side
from meva_core.model.order import OrderRequest, OrderType, TimeInForce

T = TypeVar("T")

STEPS = 4_000
BTC = Instrument(
    "BTC/USDT",
    "BTC",
    "USDT",
    tick_size=Decimal("0.25"),
    lot_size=Decimal("0.0030"),
    min_quantity=Decimal("0.006"),
    max_quantity=Decimal("0.0240"),
    min_notional=Decimal("0.16"),
    max_notional=Decimal("0.55"),
)
BNB = Instrument("BNB/USDT", "BNB", "USDT", tick_size=Decimal("0.7"), lot_size=Decimal("0.01"))
GRIDS = {instrument.symbol: instrument for instrument in (BTC, BNB)}
SYMBOLS = ("BTC/USDT", "BTC/USDT", "BTC/USDT", "BNB/USDT")
FLAWS = (None,) * 30 + ("nowhere", "off tick", "off lot", "no number", "priced", "no price", "negative")
TIMES = (TimeInForce.GTC, TimeInForce.GTC, TimeInForce.IOC, TimeInForce.FOK)

# Fill model, fee asset, latency, slippage in basis points: the digest of the session that they name. Taken
# from the code as it was while it was written to be read only, before any of it was made faster.
PINNED = {
    ("next_trade", "received", 0, "0"): "9b83cb632b18e8ca61e12117df727827",
    ("next_trade", "quote", 0, "12.5"): "8cb865d584b425733aa5b342c9728896",
    ("next_trade", "base", 25, "0"): "5fa37afa415c7082f546f564cb85cd87",
    ("next_trade", "BNB", 0, "3"): "1051cee961c48e2421033e69b9133ec3",
    ("volume", "received", 0, "12.5"): "b02d8eff1c3e14bb504ff90033305865",
    ("volume", "BNB", 25, "0"): "afcacb95d78d6c6960400a3620eee8bd",
    ("book", "received", 0, "0"): "03f8591e068f7d2fb6740665282e2150",
    ("book", "base", 0, "0"): "924c8d49c27ecce1e31f264cec14c30f",
    ("book", "BNB", 25, "0"): "4d7b0ef2997788c475869f0d89ce1a5f",
}


class Draws:
    """Draw from a seed by `Random.random` alone, whose numbers Python promises to keep."""

    def __init__(self, seed: str) -> None:
        self._random = Random(seed)

    def number(self, first: int, last: int) -> int:
        """Return a number from *first* to *last*."""
        return first + int(self._random.random() * (last - first + 1))

    def one(self, items: tuple[T, ...]) -> T:
        """Return one of *items*."""
        return items[self.number(0, len(items) - 1)]

    def levels(self, first: int, last: int) -> tuple[tuple[int, int], ...]:
        """Return up to four levels; 0 lots are among them."""
        return tuple((self.number(first, last), self.number(0, 8)) for _ in range(self.number(0, 4)))


def drawn_request(draws: Draws, number: int) -> OrderRequest:
    """Return an order that is near the market and mostly sound; one client id in nine comes again."""
    symbol, flaw = draws.one(SYMBOLS), draws.one(FLAWS)
    grid = GRIDS[symbol]
    is_market = draws.number(0, 2) == 0
    post_only = not is_market and draws.number(0, 4) == 0
    quantity = grid.quantity(draws.number(2, 8) if draws.number(0, 9) else draws.number(1, 9))
    limit = None if is_market else grid.price(draws.number(94, 106))
    if flaw == "off lot":
        quantity += Decimal("0.0001")
    elif flaw == "no number":
        quantity = Decimal("NaN")
    elif flaw == "off tick" and limit is not None:
        limit += Decimal("0.01")
    elif flaw == "negative" and limit is not None:
        limit = -limit
    elif flaw == "priced":
        limit = grid.price(100)
    elif flaw == "no price":
        limit = None
    return OrderRequest(
        client_order_id=f"o-{number - draws.one((0,) * 8 + (3,))}",
        idem_key="key",
        strategy="test",
        symbol="ETH/USDT" if flaw == "nowhere" else symbol,
        side=draws.one((Side.BUY, Side.SELL)),
        type=OrderType.MARKET if is_market else OrderType.LIMIT,
        time_in_force=TimeInForce.GTC if post_only else draws.one(TIMES),
        quantity=quantity,
        limit_price=limit,
        post_only=post_only,
        reduce_only=False,
    )


def market_event(engine: MatchingEngine, draws: Draws, time_ns: int) -> list[Event]:
    """Let a trade, a bar, a quote, a book or a change of it happen."""
    symbol, kind = draws.one(SYMBOLS), draws.number(0, 9)
    if kind < 5:
        side = draws.one((Side.BUY, Side.SELL))
        price_ticks, lots = draws.number(95, 105), draws.number(1, 12)
        return engine.on_trade(symbol, time_ns=time_ns, price_ticks=price_ticks, lots=lots, taker_side=side)
    if kind == 5:
        prices = [draws.number(95, 105) for _ in range(4)]
        candle = Candle(
            time_ns - 20, time_ns, prices[0], max(prices), min(prices), prices[1], draws.number(0, 60)
        )
        return engine.on_bar(symbol, candle, time_ns)
    if kind == 6:
        bid, ask = (draws.number(95, 100), draws.number(0, 8)), (draws.number(101, 105), draws.number(1, 8))
        return engine.on_quote(QuoteReceived(time_ns, symbol, *bid, *ask))
    bids, asks = draws.levels(95, 100), draws.levels(101, 105)
    first = time_ns if draws.number(0, 19) == 0 else 0
    return engine.on_book(BookChanged(time_ns, symbol, kind == 7, first, time_ns, bids, asks))


def own_act(engine: MatchingEngine, draws: Draws, time_ns: int, number: int) -> list[Event]:
    """Send an order, or cancel one or all."""
    kind = draws.number(0, 99)
    if kind == 0:
        return engine.cancel_all(draws.one((None, "BNB/USDT", "BTC/USDT")), time_ns)
    if kind < 12:
        return engine.cancel(draws.one(SYMBOLS), f"o-{number - draws.number(1, 30)}", time_ns)
    return engine.submit(drawn_request(draws, number), time_ns)


def session(
    fill_model: str, paid_in: str, latency_ns: int, slippage: str
) -> tuple[MatchingEngine, list[Event]]:
    """Play the session that the arguments name, on another engine after half of it; return its events."""
    draws = Draws(f"{fill_model} {paid_in} {latency_ns} {slippage}")

    def build() -> MatchingEngine:
        return MatchingEngine(
            (BTC, BNB),
            balances={"USDT": Decimal("9.00"), "BTC": Decimal("0.2"), "BNB": Decimal("0.5")},
            fees=FeeSchedule(Decimal("7.5"), Decimal(30), paid_in),
            fill_model=fill_model,
            settings=FillSettings(Decimal(slippage), Decimal("0.25")),
            latency_ns=latency_ns,
        )

    engine = build()
    events: list[Event] = []
    for number in range(STEPS):
        if number == STEPS // 2:
            memory, engine = engine.snapshot(), build()
            engine.restore(memory)
        time_ns = 10 * number - draws.number(0, 9)
        step = market_event(engine, draws, time_ns) if draws.number(0, 1) else None
        events += own_act(engine, draws, time_ns, number) if step is None else step
    return engine, events


@pytest.mark.parametrize(("setup", "digest"), PINNED.items())
def test_a_drawn_session_is_answered_as_it_always_was(setup: tuple[str, str, int, str], digest: str) -> None:
    """Every event, trade, lock and balance, down to how its Decimals are written."""
    engine, events = session(*setup)

    told = [(type(event).__name__, attrs.astuple(event)) for event in events]
    trades = [attrs.astuple(fill) for symbol in GRIDS for fill in engine.trades_since(symbol)]
    text = repr((told, trades, engine.balances(), engine.open_orders(), engine.snapshot()))

    assert digest == blake2b(text.encode(), digest_size=16).hexdigest()


def test_the_drawn_sessions_reach_every_answer() -> None:
    """A guard of the test above: each refusal, expiry, liquidity and fee asset comes, and many fills."""
    events = [event for setup in PINNED for event in session(*setup)[1]]

    fills = [event.fill for event in events if isinstance(event, OrderFilled)]
    refusals = Counter(event.code for event in events if isinstance(event, OrderRejected))
    expiries = Counter(event.reason for event in events if isinstance(event, OrderExpired))

    assert set(RejectCode) == set(refusals)
    assert set(Expiry) == set(expiries)
    assert set(Liquidity) == {fill.liquidity for fill in fills}
    assert {"USDT", "BTC", "BNB"} == {fill.fee_asset for fill in fills}
    assert len(fills) > 5_000
