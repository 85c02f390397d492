"""The risk gate looks at every number that a rule needs, and approves what it says it approves."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from attrs import evolve

from meva_core.commands import Approved
from meva_core.config.schema import FeesConfig
from meva_core.data.feature_store import FeatureStore
from meva_core.data.market_data_service import MarketDataService
from meva_core.events import BookChanged
from meva_core.model.instrument import Instrument
from meva_core.model.market import NS_PER_SECOND, Side
from meva_core.model.money import exact
from meva_core.model.order import OrderStatus, OrderType
from meva_core.model.state import AssetBalance, Gate, GateMarker, Position
from meva_core.portfolio.valuation_service import ValuationService
from meva_core.risk.gate import OPERATOR_PAUSE, TradingGate
from meva_core.risk.loss_guard import LossGuard
from meva_core.risk.policy_service import Refused, RiskPolicyService
from tests.unit.risk_case import BTC, NOW_NS, WIDE, Policy, intent, order

D = Decimal
TIGHT = evolve(BTC, max_quantity=D(2), max_notional=D(150), min_notional=D(5), min_quantity=D("0.002"))


@pytest.mark.parametrize(
    ("passes", "refused"),
    [
        ({"quantity": D("1.5")}, {"quantity": D("1.501")}),  # Notional at most 150.
        ({"quantity": D("0.05")}, {"quantity": D("0.049")}),  # Notional at least 5.
        ({"quantity": D(2), "price": D(75)}, {"quantity": D("2.001"), "price": D(74)}),  # Quantity at most 2.
        ({"quantity": D("0.002"), "price": D(2_500)}, {"quantity": D("0.001"), "price": D(5_000)}),
    ],
)
def test_each_bound_of_an_instrument_is_a_limit(passes: dict[str, D], refused: dict[str, D]) -> None:
    """At the bound an order is still good; one step past it is not."""
    policy = Policy(instrument=TIGHT, price_collar_bps=D(1_000_000))

    codes = [
        policy.codes(
            quantity=facts["quantity"],
            type=OrderType.LIMIT,
            limit_price=facts.get("price", D(100)),
        )
        for facts in (passes, refused)
    ]

    assert [(), ("instrument_limits",)] == codes


def test_one_order_less_than_the_limit_may_be_open() -> None:
    """The new one is the last that fits."""
    policy = Policy(max_open_orders=3)
    policy.state.open_orders.update({name: order("0.01", name=name) for name in ("o-1", "o-2")})

    assert () == policy.codes()


def test_what_reduces_passes_an_unknown_outcome() -> None:
    """Nobody is locked in because an answer was lost."""
    policy = Policy()
    policy.hold("BTC", "5")
    policy.state.open_orders["o-1"] = order("0.01", status=OrderStatus.UNKNOWN)

    assert () == policy.codes(side=Side.SELL)
    assert ("unknown_order",) == policy.codes(side=Side.BUY)


def test_an_approval_carries_the_epoch_of_the_gate() -> None:
    """Whoever sends the order later can see whether it still holds."""
    policy = Policy()
    gate = TradingGate(policy.state.runtime_flags, lambda _: None)
    gate.close(GateMarker(OPERATOR_PAUSE, Gate.PAUSED, "", "", 1))
    gate.lift(OPERATOR_PAUSE, actor="", reason="", time_ns=2)

    verdict = policy.judge()

    assert isinstance(verdict, Approved)
    assert (2, D(100)) == (verdict.gate_epoch, verdict.notional)


@pytest.mark.parametrize(
    ("changes", "paid_in", "asset", "price"),
    [
        ({}, "received", "USD", "101"),  # The mark of 100 plus the collar of one per cent.
        ({}, "quote", "USD", "101.101"),  # And a fee of ten basis points on top.
        ({"type": OrderType.LIMIT, "limit_price": D(99)}, "received", "USD", "99"),
        ({"type": OrderType.LIMIT, "limit_price": D(99)}, "quote", "USD", "99.099"),
        ({"side": Side.SELL}, "quote", "BTC", "1"),
    ],
)
def test_an_approval_states_what_is_held_back(
    changes: dict[str, Any], paid_in: str, asset: str, price: str
) -> None:
    """What a unit may cost at worst, in the asset that pays for it."""
    policy = Policy(fees=FeesConfig(paid_in=paid_in))
    policy.hold("BTC", "5")

    verdict = policy.judge(**changes)

    assert isinstance(verdict, Approved)
    assert (asset, D(price)) == (verdict.reserve_asset, verdict.reserve_price)


def test_what_open_orders_hold_back_is_not_free() -> None:
    """The same money is never promised twice."""
    policy = Policy()
    policy.hold("USD", "202")
    policy.state.balances["USD"].locked = D(102)

    assert ("insufficient_funds",) == policy.codes()


def test_a_refused_intent_counts_for_no_rate() -> None:
    """Only what may be sent can run away."""
    policy = Policy(max_repeated_orders=2, max_notional_per_trade=D(100))

    for _ in range(5):
        policy.judge(quantity=D(2))

    assert (0, 0) == policy.service.order_rate.count(NOW_NS, "cross:BTC/USD:buy")
    assert () == policy.codes()


def test_the_rate_is_exact_however_many_orders_are_remembered() -> None:
    """Old orders are forgotten late, and never counted: three a window pass for ever, a fourth does not."""
    policy = Policy(max_orders_per_window=4, max_repeated_orders=3, max_data_age_ms=10**9)
    step_ns = 20 * NS_PER_SECOND  # A third of the window.

    verdicts = [policy.codes(created_ns=NOW_NS + number * step_ns, expires_ns=0) for number in range(200)]
    fourth = policy.codes(created_ns=NOW_NS + 199 * step_ns + 1, expires_ns=0)

    assert [()] * 200 == verdicts
    assert ("repeated_order",) == fourth
    assert len(policy.service.order_rate.snapshot()) <= 4


def test_few_orders_are_remembered_whatever_the_limits() -> None:
    """Limits that nobody reaches cost no memory."""
    policy = Policy(max_orders_per_window=10**6, max_repeated_orders=10**6, max_data_age_ms=10**9)

    for number in range(200):
        policy.codes(created_ns=NOW_NS + number * 30 * NS_PER_SECOND, expires_ns=0)

    assert len(policy.service.order_rate.snapshot()) <= 64


def test_a_one_sided_book_is_unusable() -> None:
    """Nobody can say what taking from it costs (fault C2)."""
    policy = Policy()

    policy.market.apply_book(BookChanged(NOW_NS, "BTC/USD", True, 1, 1, ((9_999, 1),), ()))

    assert ("book_unusable",) == policy.codes()


class Crossing:
    """Hold a policy on ALT/BTC, which is judged in USD by way of BTC/USD."""

    def __init__(self, *, btc: int) -> None:
        alt = Instrument("ALT/BTC", "ALT", "BTC", tick_size=D("0.01"), lot_size=D(1))
        self.data = MarketDataService([BTC, alt], FeatureStore())
        self.data.market("ALT/BTC").last_ticks = 50
        self.data.market("ALT/BTC").last_ns = NOW_NS
        self.data.market("BTC/USD").last_ticks = btc
        markets = [self.data.market(symbol) for symbol in self.data.symbols]
        valuation = ValuationService("USD", markets)
        guard = LossGuard(daily_loss=10**20, drawdown=10**20)
        self.service = RiskPolicyService(
            WIDE, FeesConfig(), market_data=self.data, valuation=valuation, loss_guard=guard
        )
        self.state = Policy(max_notional_per_trade=D(100)).state
        guard.start(0)

    def codes(self, quantity: int) -> tuple[str, ...]:
        """Return the codes of a limit buy of ALT at 0.50 BTC."""
        wish = intent(
            symbol="ALT/BTC", quantity=D(quantity), type=OrderType.LIMIT, limit_price=D("0.50"), expires_ns=0
        )
        with exact():
            verdict = self.service.validate_intent(wish, self.state)
        assert isinstance(verdict, Refused)
        return verdict.codes


def test_limits_are_in_the_reporting_currency_whatever_the_quote() -> None:
    """Two ALT of 0.50 BTC each, at 100 USD a BTC, are exactly 100 USD."""
    case = Crossing(btc=10_000)

    assert ("insufficient_funds",) == case.codes(2)
    assert ("max_notional_per_trade", "insufficient_funds") == case.codes(3)


def test_a_quote_asset_without_a_mark_is_refused_not_an_error() -> None:
    """What the order would be worth is not known yet; the agent goes on."""
    assert "no_mark" in Crossing(btc=0).codes(1)


def test_an_exit_needs_no_mark_of_another_market() -> None:
    """What is on order elsewhere says nothing about ending what is held here."""
    case = Crossing(btc=10_000)
    case.data.market("ALT/BTC").last_ticks = 0
    case.data.market("BTC/USD").last_ns = NOW_NS
    case.state.positions["BTC/USD"] = Position("BTC/USD", D(1))
    case.state.balances["BTC"] = AssetBalance("BTC", D(1))
    resting = order("1")
    resting.request = evolve(resting.request, symbol="ALT/BTC")
    case.state.open_orders["o-1"] = resting

    with exact():
        verdict = case.service.validate_intent(intent(side=Side.SELL, quantity=D("0.5")), case.state)

    assert isinstance(verdict, Approved)
