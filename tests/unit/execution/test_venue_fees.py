"""Fees are charged in the asset that the schedule names, rounded up, and always payable."""

from __future__ import annotations

from decimal import Decimal

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from meva_core.errors import ConfigError
from meva_core.execution.matching import MatchingEngine
from meva_core.execution.venue_fees import FeeSchedule, MarketFees
from meva_core.model.fill import Liquidity
from meva_core.model.instrument import Instrument
from meva_core.model.market import Side
from tests.unit.execution.venue_case import BTC, BUY, ONE, SELL, fills, request

MAKER, TAKER = Liquidity.MAKER, Liquidity.TAKER


def fees(paid_in: str = "received", *, free: str = "1000", price: str | None = "600") -> MarketFees:
    """Return fees of 10 bps for makers and 20 for takers on BTC/USDT."""
    return MarketFees(
        FeeSchedule(Decimal(10), Decimal(20), paid_in),
        BTC,
        free=lambda _asset: Decimal(free),
        price_of=lambda _asset, _quote: None if price is None else Decimal(price),
    )


def charged(market: MarketFees, side: Side, liquidity: Liquidity = TAKER) -> tuple[Decimal, str]:
    """Return the fee of 0.123 BTC for 3690.1234 USDT."""
    return market.charge(
        is_buy=side is BUY, quantity=Decimal("0.123"), notional=Decimal("3690.1234"), liquidity=liquidity
    )


@pytest.mark.parametrize(
    ("paid_in", "side", "liquidity", "expected"),
    [
        ("received", BUY, TAKER, (Decimal("0.00024600"), "BTC")),
        ("received", BUY, MAKER, (Decimal("0.00012300"), "BTC")),
        ("received", SELL, TAKER, (Decimal("7.38024680"), "USDT")),
        ("quote", BUY, TAKER, (Decimal("7.38024680"), "USDT")),
        ("base", SELL, TAKER, (Decimal("0.00024600"), "BTC")),
        ("BNB", BUY, TAKER, (Decimal("0.01230042"), "BNB")),  # 7.3802468 / 600 = 0.01230041133...
    ],
)
def test_the_schedule_names_the_asset(
    paid_in: str, side: Side, liquidity: Liquidity, expected: tuple[Decimal, str]
) -> None:
    """Rounded up to eight decimals."""
    assert expected == charged(fees(paid_in), side, liquidity)


@pytest.mark.parametrize("short", [{"free": "0.01230041"}, {"price": None}])
def test_the_received_asset_pays_when_the_third_cannot(short: dict[str, str | None]) -> None:
    """Too little BNB, or no price of it."""
    assert (Decimal("0.00024600"), "BTC") == charged(fees("BNB", **short), BUY)  # type: ignore[arg-type]


def test_a_quote_fee_that_is_not_covered_is_paid_in_base() -> None:
    """A limit buy locks its cost, not its fee."""
    assert (Decimal("0.00024600"), "BTC") == charged(fees("quote", free="7.38"), BUY)


def test_a_third_asset_is_priced_by_its_own_market() -> None:
    """The last price of BNB/USDT, once there is one."""
    bnb = Instrument("BNB/USDT", "BNB", "USDT", tick_size=Decimal("0.1"), lot_size=Decimal("0.001"))
    engine = MatchingEngine(
        [BTC, bnb],
        balances={"USDT": Decimal(1_000), "BNB": Decimal(1)},
        fees=FeeSchedule(Decimal(10), Decimal(10), "BNB"),
    )
    engine.market("BTC/USDT").last_ticks = 10_000
    paid = []
    for name in ("before", "after"):
        engine.submit(request(BUY, 1, name=name, symbol="BTC/USDT"), 1)
        paid += fills(engine.on_trade("BTC/USDT", time_ns=2, price_ticks=10_000, lots=1, taker_side=SELL))
        engine.market("BNB/USDT").last_ticks = 5_000

    assert [("BTC", Decimal("0.001")), ("BNB", Decimal("0.0002"))] == [(f.fee_asset, f.fee) for f in paid]
    assert (Decimal("0.9998"), 0) == engine.balances()["BNB"]


def test_a_fee_never_exceeds_what_the_fill_received() -> None:
    """A step of the asset may be worth more than a tiny fill."""
    coarse = evolve(BTC, asset_decimals=0)
    market = MarketFees(FeeSchedule(ONE, ONE), coarse, free=Decimal, price_of=lambda *_: None)

    fee, asset = market.charge(is_buy=True, quantity=Decimal("0.01"), notional=ONE, liquidity=MAKER)

    assert (Decimal("0.01"), "BTC") == (fee, asset)


@given(
    bps=st.decimals(min_value=0, max_value="9999.9", places=1),
    quantity=st.decimals(min_value="0.001", max_value=10**6, places=3),
    price=st.decimals(min_value="0.01", max_value=10**6, places=2),
    side=st.sampled_from(Side),
    paid_in=st.sampled_from(["received", "quote", "base", "BNB"]),
)
def test_a_fee_is_at_least_the_rate_and_less_than_a_step_more(
    bps: Decimal, quantity: Decimal, price: Decimal, side: Side, paid_in: str
) -> None:
    """Measured in its own asset; and what was received always covers it."""
    market = MarketFees(
        FeeSchedule(bps, bps, paid_in), BTC, free=lambda _: Decimal(10**18), price_of=lambda *_: Decimal(7)
    )
    notional = price * quantity

    fee, asset = market.charge(is_buy=side is BUY, quantity=quantity, notional=notional, liquidity=TAKER)

    worth = {"BTC": quantity, "USDT": notional, "BNB": notional / 7}[asset]
    assert worth * bps / 10_000 - Decimal("1e-15") <= fee <= worth * bps / 10_000 + Decimal("1.000001e-8")
    assert fee <= worth or asset == "BNB"


@pytest.mark.parametrize("bps", ["-1", "10000", "NaN"])
def test_a_senseless_rate_is_refused(bps: str) -> None:
    """With what was found and what is expected."""
    with pytest.raises(ConfigError, match="Expected basis points"):
        FeeSchedule(Decimal(bps), Decimal(0))
