"""Every pre-trade rule refuses past its limit, approves at it, and says the numbers."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from attrs import fields
from hypothesis import given, settings
from hypothesis import strategies as st

from meva_core.config.schema import FeesConfig
from meva_core.events import BookChanged
from meva_core.model.market import NS_PER_SECOND, Side
from meva_core.model.money import exact
from meva_core.model.order import OrderStatus, OrderType
from meva_core.model.state import Gate, GateMarker, Position
from meva_core.risk.exposure_engine import ExposureEngine
from meva_core.risk.gate import TradingGate
from meva_core.risk.limits_engine import RiskCode, RiskView, broken_rules
from meva_core.risk.policy_service import Refused
from tests.unit.risk_case import NOW_NS, WIDE, Policy, order

D = Decimal
Change = dict[str, Any]


def close(policy: Policy, gate: Gate) -> None:
    """Close the gate."""
    TradingGate(policy.state.runtime_flags, lambda _: None).close(
        GateMarker("kill_switch", gate, "test", "ann", 1)
    )


def fill_orders(policy: Policy, count: int) -> None:
    """Let *count* orders rest."""
    for number in range(count):
        policy.state.open_orders[f"o-{number}"] = order("0.01", name=f"o-{number}")


def approve(policy: Policy, count: int, **changes: Any) -> None:
    """Let *count* intents pass."""
    for _ in range(count):
        assert () == policy.codes(**changes)


def break_book(policy: Policy) -> None:
    """Let a book change arrive that no snapshot preceded."""
    policy.market.apply_book(BookChanged(NOW_NS, "BTC/USD", False, 1, 2, ((9_999, 1),), ()))


def halt(policy: Policy) -> None:
    """Close the market."""
    policy.state.connectivity.halted["BTC/USD"] = "closed for the night"


def nothing(_: Policy) -> None:
    """Leave the policy as it is."""


# Code; limits; what to do to the policy; what passes; what is refused; what the explanation names.
CASES: list[tuple[RiskCode, Change, Callable[[Policy], None], Change | None, Change, str]] = [
    (RiskCode.GATE_CLOSED, {}, lambda p: close(p, Gate.PAUSED), None, {}, "PAUSED: kill_switch: test"),
    (
        RiskCode.STRATEGY_DISABLED,
        {},
        nothing,
        {"strategy": "cross"},
        {"strategy": "other"},
        "strategy other is disabled",
    ),
    (
        RiskCode.INTENT_EXPIRED,
        {},
        nothing,
        {"expires_ns": NOW_NS},
        {"expires_ns": NOW_NS - 3},
        "expired 3 ns ago",
    ),
    (
        RiskCode.STALE_DATA,
        {},
        nothing,
        {"created_ns": NOW_NS + 4 * NS_PER_SECOND, "expires_ns": 0},
        {"created_ns": NOW_NS + 4 * NS_PER_SECOND + 1, "expires_ns": 0},
        "5000000001 ns old",
    ),
    (RiskCode.NO_MARK, {}, lambda p: setattr(p.market, "last_ticks", 0), None, {}, "no mark yet"),
    (RiskCode.MARKET_HALTED, {}, halt, None, {}, "BTC/USD takes no orders: closed for the night"),
    (RiskCode.BOOK_UNUSABLE, {}, break_book, None, {}, "not synchronised"),
    (
        RiskCode.UNKNOWN_ORDER,
        {},
        lambda p: p.state.open_orders.update({"o-1": order("0.01", status=OrderStatus.UNKNOWN)}),
        None,
        {},
        "1 orders on BTC/USD have an unknown outcome",
    ),
    (
        RiskCode.INSTRUMENT_LIMITS,
        {},
        nothing,
        {"quantity": D("0.05")},
        {"quantity": D("0.049")},
        "notional 4.90000",
    ),
    (
        RiskCode.MAX_NOTIONAL_PER_TRADE,
        {"max_notional_per_trade": D(100)},
        nothing,
        {"quantity": D(1)},
        {"quantity": D("1.001")},
        "notional 100.10000 is above 100",
    ),
    (
        RiskCode.MAX_POSITION_NOTIONAL,
        {"max_position_notional_per_symbol": D(300)},
        lambda p: (p.hold("BTC", "1"), fill_orders(p, 100), None)[-1],
        None,
        {"quantity": D("1.001")},
        "300.10000 would be above 300",
    ),
    (
        RiskCode.MAX_PORTFOLIO_EXPOSURE,
        {"max_portfolio_exposure": D(300)},
        lambda p: p.hold("BTC", "2"),
        {"quantity": D(1)},
        {"quantity": D("1.001")},
        "300.10000 would be above 300",
    ),
    (
        RiskCode.DAILY_LOSS_LIMIT,
        {"daily_loss_limit": D(50)},
        lambda p: p.lose("50"),
        None,
        {},
        "50.0000000000 has reached 50",
    ),
    (
        RiskCode.MAX_DRAWDOWN_LIMIT,
        {"max_drawdown_limit": D(50)},
        lambda p: p.lose("50"),
        None,
        {},
        "drawdown 50.0000000000 has reached 50",
    ),
    (
        RiskCode.MAX_OPEN_ORDERS,
        {"max_open_orders": 3},
        lambda p: fill_orders(p, 3),
        None,
        {},
        "3 orders are open",
    ),
    (
        RiskCode.ORDER_RATE,
        {"max_orders_per_window": 2},
        lambda p: approve(p, 2),
        {"created_ns": NOW_NS + 60 * NS_PER_SECOND, "expires_ns": 0},
        {"side": Side.SELL},
        "2 orders in the window, at most 2",
    ),
    (
        RiskCode.REPEATED_ORDER,
        {"max_repeated_orders": 2},
        lambda p: approve(p, 2),
        None,
        {},
        "2 equal orders in the window",
    ),
    (
        RiskCode.PRICE_COLLAR,
        {},
        nothing,
        {"type": OrderType.LIMIT, "limit_price": D(101)},
        {"type": OrderType.LIMIT, "limit_price": D("101.01")},
        "1.01 worse than the mark",
    ),
    (
        RiskCode.INSUFFICIENT_FUNDS,
        {},
        lambda p: p.hold("USD", "101"),
        {"quantity": D(1)},
        {"quantity": D("1.001")},
        "101.101000000 USD needed, 101 free",
    ),
]


@pytest.mark.parametrize(
    ("code", "limits", "prepare", "passes", "refused", "said"), CASES, ids=[case[0].value for case in CASES]
)
def test_a_rule_refuses_past_its_limit_and_says_the_numbers(
    code: RiskCode,
    limits: Change,
    prepare: Callable[[Policy], None],
    passes: Change | None,
    refused: Change,
    said: str,
) -> None:
    """At the limit an intent passes the rule; just past it the rule's code and numbers are in the refusal."""
    policy = Policy(**limits)
    prepare(policy)
    if passes is not None and code is not RiskCode.ORDER_RATE and code is not RiskCode.STALE_DATA:
        assert code not in policy.codes(**passes)
    verdict = policy.judge(**refused)

    assert isinstance(verdict, Refused)
    assert code.value in verdict.codes
    assert said in verdict.explanation


def test_every_code_has_a_case() -> None:
    """No rule is left untested."""
    assert set(RiskCode) == {case[0] for case in CASES}


def test_rules_and_explanations_see_the_same_numbers() -> None:
    """What a rule is given by position is what its explanation finds by name."""
    names = [field.name for field in fields(RiskView)]

    _, *found = broken_rules.__code__.co_varnames[: len(names)]
    assert names == [*found, "reserve_asset"]


def test_fresh_data_passes_to_the_nanosecond() -> None:
    """Data of exactly the largest age is still fresh."""
    at_limit = {"created_ns": NOW_NS + 4 * NS_PER_SECOND, "expires_ns": 0}

    assert () == Policy().codes(**at_limit)


def test_the_order_window_slides() -> None:
    """An order counts for the window's length, and not a nanosecond longer."""
    policy = Policy(max_orders_per_window=2, max_data_age_ms=100_000)
    approve(policy, 2)
    just_inside = policy.codes(created_ns=NOW_NS + 60 * NS_PER_SECOND - 1, expires_ns=0)
    just_past = policy.codes(created_ns=NOW_NS + 60 * NS_PER_SECOND, expires_ns=0)

    assert ("order_rate",) == just_inside
    assert () == just_past


def test_one_broken_rule_does_not_hide_another() -> None:
    """A refusal names every rule, in the order of the codes."""
    policy = Policy(max_notional_per_trade=D(1), max_open_orders=1)
    fill_orders(policy, 1)

    assert ("max_notional_per_trade", "max_open_orders") == policy.codes()


def test_unknown_and_open_orders_count_as_filled() -> None:
    """Exposure is the worst that open orders could lead to, in either direction."""
    policy = Policy(max_position_notional_per_symbol=D(500))
    policy.hold("BTC", "1")
    policy.state.open_orders["o-1"] = order("3")

    assert () == policy.codes(quantity=D(1))
    assert ("max_position_notional",) == policy.codes(quantity=D("1.001"))


def test_what_reduces_the_worst_case_passes_limits_on_size() -> None:
    """An exit is never refused for the size of what it ends."""
    policy = Policy(max_position_notional_per_symbol=D(100), max_portfolio_exposure=D(100))
    policy.hold("BTC", "5")

    assert () == policy.codes(side=Side.SELL, quantity=D(5))
    assert "max_position_notional" in policy.codes(side=Side.BUY, quantity=D("0.1"))


def test_reduce_only_lets_exits_pass_and_nothing_else() -> None:
    """In REDUCE_ONLY an order may not raise the worst case."""
    policy = Policy()
    policy.hold("BTC", "5")
    close(policy, Gate.REDUCE_ONLY)

    assert () == policy.codes(side=Side.SELL, quantity=D(5))
    assert ("gate_closed",) == policy.codes(side=Side.BUY)


@given(
    held=st.integers(-5, 5),
    resting=st.lists(st.tuples(st.sampled_from(Side), st.integers(1, 4)), max_size=3),
    side=st.sampled_from(Side),
    quantity=st.integers(1, 12),
)
def test_reduce_only_asks_whether_the_worst_case_rises(
    held: int, resting: list[tuple[Side, int]], side: Side, quantity: int
) -> None:
    """Whatever is held and rests: the gate passes what leads no further than fills could lead before."""
    policy = Policy()
    policy.state.positions["BTC/USD"] = Position("BTC/USD", D(held))
    for number, (each, rest) in enumerate(resting):
        policy.state.open_orders[f"o-{number}"] = order(str(rest), side=each, name=f"o-{number}")
    close(policy, Gate.REDUCE_ONLY)
    with exact():
        amounts = ExposureEngine().open_quantities(policy.state, "BTC/USD")
        rises = amounts.worst_case(side, D(quantity)) > amounts.worst_case()

    assert rises == ("gate_closed" in policy.codes(side=side, quantity=D(quantity)))


def test_a_market_order_is_collared_by_the_opposite_quote() -> None:
    """A book that is far from the last trade is no place to take."""
    policy = Policy()
    policy.market.ask_ticks = 10_101

    assert ("price_collar",) == policy.codes(side=Side.BUY)
    policy.market.ask_ticks = 10_100
    assert () == policy.codes(side=Side.BUY)


def test_a_sell_needs_the_asset_and_a_buy_the_worst_price() -> None:
    """Spot sells what is held; a market buy reserves the mark plus the collar, and the fee where it is on top."""
    policy = Policy()
    policy.hold("BTC", "1")
    on_top = Policy(fees=FeesConfig(taker_bps=D(10), paid_in="quote"))
    on_top.hold("USD", "101.05")

    assert ("insufficient_funds",) == policy.codes(side=Side.SELL, quantity=D("1.001"))
    assert ("insufficient_funds",) == on_top.codes()
    on_top.hold("USD", "101.101")
    assert () == on_top.codes()


NUMBERS = {
    "max_notional_per_trade": st.decimals(1, 2_000, places=2),
    "max_position_notional_per_symbol": st.decimals(1, 2_000, places=2),
    "max_portfolio_exposure": st.decimals(1, 2_000, places=2),
    "daily_loss_limit": st.decimals(1, 200, places=2),
    "max_drawdown_limit": st.decimals(1, 200, places=2),
    "max_open_orders": st.integers(1, 5),
    "max_orders_per_window": st.integers(1, 5),
    "max_repeated_orders": st.integers(1, 5),
    "price_collar_bps": st.decimals(0, 300, places=0),
    "max_data_age_ms": st.integers(1, 3_000),
}


@settings(max_examples=40, deadline=None)
@given(data=st.data(), name=st.sampled_from(sorted(NUMBERS)))
def test_a_tighter_limit_never_approves_more(data: st.DataObject, name: str) -> None:
    """What the tight policy lets pass, the loose one lets pass too, whatever else is the case."""
    one, other = data.draw(NUMBERS[name]), data.draw(NUMBERS[name])
    tight, loose = Policy(WIDE, **{name: min(one, other)}), Policy(WIDE, **{name: max(one, other)})
    held = data.draw(st.decimals(0, 10, places=3))
    resting = data.draw(st.integers(0, 4))
    loss = data.draw(st.decimals(0, 250, places=2))
    wishes = data.draw(
        st.lists(st.tuples(st.sampled_from(Side), st.decimals("0.05", 12, places=3)), min_size=1, max_size=6)
    )
    verdicts: list[list[bool]] = []
    for policy in (tight, loose):
        policy.hold("BTC", str(held))
        fill_orders(policy, resting)
        policy.lose(str(loss))
        passed = []
        for side, quantity in wishes:
            passed.append(not policy.codes(side=side, quantity=quantity))
        verdicts.append(passed)

    # Counting limits see more orders where more passed before, so those compare up to the first difference.
    for tight_passed, loose_passed in zip(*verdicts, strict=True):
        assert loose_passed or not tight_passed
        if tight_passed != loose_passed:
            break
