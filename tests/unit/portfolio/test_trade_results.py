"""What fills earned is told exactly, by either method, for each day, symbol and strategy."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meva_adapters.clock.day_zone import day_in, next_day_in
from meva_core.errors import InvariantError
from meva_core.model.fill import Fill, Liquidity
from meva_core.model.market import Side
from meva_core.portfolio.attribution import EquityFacts, attribute
from meva_core.portfolio.trade_results import CostMethod, ResultKey, TradeResults


def fill(side: Side, price: str, quantity: str, fee: str = "0", fee_asset: str = "USD") -> Fill:
    """Return a fill on BTC/USD."""
    amounts = (Decimal(price), Decimal(quantity), Decimal(fee))
    return Fill("BTC/USD", "1", "o", "v", side, *amounts, fee_asset, Liquidity.TAKER, 1)


@pytest.mark.parametrize(
    ("method", "realized", "unrealized"), [(CostMethod.FIFO, 200, 100), (CostMethod.AVERAGE, 150, 150)]
)
def test_the_methods_differ_in_when_not_in_how_much(
    method: CostMethod, realized: int, unrealized: int
) -> None:
    """Bought at 100 and 200, one sold at 300: the oldest cost 100, the mean 150."""
    results = TradeResults(method)
    for each in (fill(Side.BUY, "100", "1"), fill(Side.BUY, "200", "1"), fill(Side.SELL, "300", "1")):
        results.add(each, day="2026-01-01", strategy="s", base="BTC")

    assert Decimal(realized) == results.lines[ResultKey("2026-01-01", "BTC/USD", "s")].realized
    assert Decimal(unrealized) == results.unrealized("BTC/USD", "s", Decimal(300))


amounts = st.decimals("0.001", 50, places=3)
scripts = st.lists(
    st.tuples(
        st.builds(
            fill,
            st.sampled_from(Side),
            amounts.map(str),
            amounts.map(str),
            st.decimals(0, "0.5", places=6).map(str),
            st.sampled_from(["BTC", "USD", "FEE"]),
        ),
        st.sampled_from(["a", "b"]),
        st.sampled_from(["2026-01-01", "2026-01-02"]),
    ),
    max_size=30,
)


@settings(max_examples=150, deadline=None)
@given(script=scripts, mark=amounts, method=st.sampled_from(CostMethod))
def test_results_are_the_money_that_moved(
    script: list[tuple[Fill, str, str]], mark: Decimal, method: CostMethod
) -> None:
    """Realised and unrealised less fees are cash and position at the mark, in fractions, for each strategy."""
    results = TradeResults(method)
    cash: dict[str, Fraction] = defaultdict(Fraction)
    held: dict[str, Fraction] = defaultdict(Fraction)
    in_base: dict[str, Fraction] = defaultdict(Fraction)
    for each, strategy, day in script:
        results.add(each, day=day, strategy=strategy, base="BTC")
        sign = 1 if each.side is Side.BUY else -1
        cash[strategy] -= sign * Fraction(each.quantity) * Fraction(each.price)
        held[strategy] += sign * Fraction(each.quantity)
        if each.fee_asset == "BTC":
            held[strategy] -= Fraction(each.fee)
            in_base[strategy] += Fraction(each.fee) * Fraction(each.price)
    for strategy, money in cash.items():
        realized = sum(
            (Fraction(line.realized) for key, line in results.lines.items() if key.strategy == strategy),
            Fraction(0),
        )
        unrealized = Fraction(results.unrealized("BTC/USD", strategy, mark))

        assert money + held[strategy] * Fraction(mark) + in_base[strategy] == realized + unrealized


def test_fees_stand_by_asset_day_and_strategy() -> None:
    """Each line has its own."""
    results = TradeResults(CostMethod.FIFO)
    results.add(fill(Side.BUY, "1", "1", "0.5", "FEE"), day="2026-01-01", strategy="a", base="BTC")
    results.add(fill(Side.BUY, "1", "1", "0.1", "BTC"), day="2026-01-02", strategy="b", base="BTC")

    told = {(key.day, key.strategy): line.fees for key, line in results.lines.items()}
    assert {
        ("2026-01-01", "a"): {"FEE": Decimal("0.5")},
        ("2026-01-02", "b"): {"BTC": Decimal("0.1")},
    } == told
    assert Decimal("0.9") == results.positions["BTC/USD", "b"]


@pytest.mark.parametrize("month", [3, 10])
def test_every_hour_of_a_clock_change_belongs_to_one_day(month: int) -> None:
    """Days of 23 and 25 hours: the name changes exactly where the next day begins."""
    day, next_day = day_in("Europe/Berlin"), next_day_in("Europe/Berlin")
    last_sunday = 29 if month == 3 else 25
    time_ns = int(datetime(2026, month, last_sunday - 1, 22, tzinfo=UTC).timestamp()) * 10**9
    for _ in range(3):
        boundary = next_day(time_ns)
        assert day(boundary - 1) < day(boundary)
        time_ns = boundary


def test_a_day_is_explained_in_full_or_not_at_all() -> None:
    """100 earned, 3 of fees, 20 of costs, 50 sent away; one cent too much is an error."""
    before = EquityFacts(Decimal(1000), Decimal(5), Decimal(1), Decimal(0))
    after = EquityFacts(Decimal(1047), Decimal(105), Decimal(4), Decimal(-50))
    why = attribute(before, after, costs=Decimal(20))

    parts = (why.opening, why.price, why.fees, why.costs, why.transfers)
    assert (1000, 100, -3, -20, -50) == parts
    assert sum(parts) == why.closing
    with pytest.raises(InvariantError, match="explained in full"):
        attribute(
            before, EquityFacts(Decimal("1047.01"), *parts[1:2], Decimal(4), Decimal(-50)), costs=Decimal(20)
        )
