"""Every order is held against what the market did after it, in its own favour or against it."""

from __future__ import annotations

from decimal import Decimal

import pytest

from meva_core.events import TradeReceived
from meva_core.model.fill import Fill, Liquidity
from meva_core.model.instrument import Instrument
from meva_core.model.market import NS_PER_SECOND, Side
from meva_core.model.order import OrderRequest, OrderType, TimeInForce
from meva_core.ops.log_records import FillBooked, OrderSubmitted
from meva_core.ops.markouts import ORDERS_KEPT, Markouts

INSTRUMENT = Instrument(
    symbol="BTC/USDT", base="BTC", quote="USDT", tick_size=Decimal("0.01"), lot_size=Decimal("0.001")
)


def submitted(side: Side, time_ns: int = 0, name: str = "a") -> OrderSubmitted:
    """Return an order decided at a price of 100."""
    request = OrderRequest(
        client_order_id=name,
        idem_key=name,
        strategy="s",
        symbol="BTC/USDT",
        side=side,
        type=OrderType.MARKET,
        time_in_force=TimeInForce.GTC,
        quantity=Decimal(1),
        limit_price=None,
        post_only=False,
        reduce_only=False,
    )
    return OrderSubmitted(time_ns, 1, request, Decimal(100))


def trade(markouts: Markouts, seconds: float, ticks: int) -> None:
    """Print a trade so long after the beginning."""
    markouts.on_trade(TradeReceived(int(seconds * NS_PER_SECOND), "BTC/USDT", ticks, 1, Side.BUY))


@pytest.mark.parametrize(("side", "sign"), [(Side.BUY, 1), (Side.SELL, -1)])
def test_the_first_price_at_or_after_each_horizon_counts(side: Side, sign: int) -> None:
    """A rise of one per cent is 100 bps in favour of a buy, and against a sell."""
    markouts = Markouts({"BTC/USDT": INSTRUMENT})
    markouts.on_record(submitted(side))
    trade(markouts, 0.9, 20_000)
    trade(markouts, 1.0, 10_100)
    trade(markouts, 9.9, 30_000)
    trade(markouts, 12, 10_200)

    [order] = markouts.orders
    assert {1: pytest.approx(sign * 100), 10: pytest.approx(sign * 200)} == order.after_bps
    assert markouts.mean_bps(1) == pytest.approx(sign * 100)
    assert markouts.mean_bps(60) is None


def test_fills_give_the_mean_price() -> None:
    """Two fills at different prices count by their quantities."""
    markouts = Markouts({"BTC/USDT": INSTRUMENT})
    markouts.on_record(submitted(Side.BUY))
    for number, (price, quantity) in enumerate([("100", "0.25"), ("104", "0.75")]):
        fill = Fill(
            symbol="BTC/USDT", trade_id=str(number), client_order_id="a", venue_order_id="1", side=Side.BUY,
            price=Decimal(price), quantity=Decimal(quantity), fee=Decimal(0), fee_asset="USDT",
            liquidity=Liquidity.TAKER, venue_time_ns=0,
        )  # fmt: skip
        markouts.on_record(FillBooked(0, fill, "s", Decimal(0), Decimal(0), Decimal(0), Decimal(0), 0.0))

    [order] = markouts.orders
    assert 103.0 == order.mean_price


def test_memory_is_bounded() -> None:
    """Beyond its bound the oldest orders are forgotten; their moves stay in the mean."""
    markouts = Markouts({"BTC/USDT": INSTRUMENT})
    for number in range(ORDERS_KEPT + 5):
        markouts.on_record(submitted(Side.BUY, name=str(number)))
    trade(markouts, 100, 10_100)

    assert ORDERS_KEPT == len(markouts.orders) == len(markouts._by_name)
    assert markouts.mean_bps(60) == pytest.approx(100)
