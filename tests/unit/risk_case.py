"""Offer a risk policy with one priced market and an account, each fact to be changed by a test; check nothing."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import attrs

from meva_core.agent.runtime_state import initial_state
from meva_core.commands import Approved
from meva_core.config.schema import AppConfig, FeesConfig, RiskConfig, StrategyConfig
from meva_core.data.feature_store import FeatureStore
from meva_core.data.market_data_service import MarketDataService
from meva_core.model.instrument import Instrument
from meva_core.model.market import NS_PER_SECOND, Side
from meva_core.model.money import exact
from meva_core.model.order import OrderRecord, OrderRequest, OrderStatus, OrderType, TimeInForce, TradeIntent
from meva_core.model.state import AssetBalance, CanonicalState, Position
from meva_core.portfolio.valuation_service import ValuationService
from meva_core.risk.loss_guard import LossGuard
from meva_core.risk.policy_service import Refused, RiskPolicyService

NOW_NS = 1_000 * NS_PER_SECOND
BTC = Instrument(
    "BTC/USD",
    "BTC",
    "USD",
    Decimal("0.01"),
    Decimal("0.001"),
    min_quantity=Decimal("0.002"),
    min_notional=Decimal(5),
)
WIDE = RiskConfig(
    max_notional_per_trade=Decimal(10**6),
    max_position_notional_per_symbol=Decimal(10**6),
    max_portfolio_exposure=Decimal(10**6),
    daily_loss_limit=Decimal(10**5),
    max_drawdown_limit=Decimal(10**5),
    max_open_orders=10,
    max_orders_per_window=10,
    max_repeated_orders=10,
    price_collar_bps=Decimal(100),
    max_data_age_ms=5_000,
)


def intent(**changes: Any) -> TradeIntent:
    """Return a market buy of 1 BTC, decided on a price of 100."""
    facts: dict[str, Any] = {
        "decision": 1,
        "strategy": "cross",
        "symbol": "BTC/USD",
        "side": Side.BUY,
        "type": OrderType.MARKET,
        "time_in_force": TimeInForce.GTC,
        "quantity": Decimal(1),
        "limit_price": None,
        "post_only": False,
        "reduce_only": False,
        "reference_price": Decimal(100),
        "created_ns": NOW_NS,
        "expires_ns": NOW_NS,
    }
    return TradeIntent(**(facts | changes))


def order(
    quantity: str, *, side: Side = Side.BUY, status: OrderStatus = OrderStatus.ACCEPTED, name: str = "o-1"
) -> OrderRecord:
    """Return an open order of BTC."""
    request = OrderRequest(
        name, f"cross:BTC/USD:{name}", "cross", "BTC/USD", side, OrderType.MARKET, TimeInForce.GTC,
        Decimal(quantity), None, False, False,
    )  # fmt: skip
    return OrderRecord(request, status, NOW_NS, NOW_NS, Decimal(100), "USD", Decimal(100))


class Policy:
    """Hold a policy on an account of 10,000 USD and no BTC, with a last price of 100.00 a second ago."""

    def __init__(
        self,
        limits: RiskConfig = WIDE,
        fees: FeesConfig | None = None,
        *,
        instrument: Instrument = BTC,
        **changes: Any,
    ) -> None:
        limits = attrs.evolve(limits, **changes)
        config = AppConfig(reporting_currency="USD", risk=limits, strategies=(StrategyConfig("cross"),))
        self.state: CanonicalState = initial_state(config)
        self.data = MarketDataService([instrument], FeatureStore())
        self.market = self.data.market("BTC/USD")
        self.market.last_ticks = 10_000
        self.market.last_ns = NOW_NS - NS_PER_SECOND
        self.valuation = ValuationService("USD", [self.market])
        self.guard = LossGuard(
            daily_loss=self.valuation.quanta(limits.daily_loss_limit),
            drawdown=self.valuation.quanta(limits.max_drawdown_limit),
        )
        self.service = RiskPolicyService(
            limits,
            fees or FeesConfig(),
            market_data=self.data,
            valuation=self.valuation,
            loss_guard=self.guard,
        )
        self.hold("USD", "10000")
        self.guard.start(self.valuation.equity())

    def hold(self, asset: str, amount: str) -> None:
        """Set what the account holds."""
        self.state.balances[asset] = AssetBalance(asset, Decimal(amount))
        self.valuation.set_amount(asset, Decimal(amount))
        if asset == "BTC":
            self.state.positions["BTC/USD"] = Position("BTC/USD", Decimal(amount))

    def lose(self, amount: str) -> None:
        """Mark the account so much below its start."""
        self.guard.mark(self.guard.anchors.start - self.valuation.quanta(Decimal(amount)))

    def judge(self, **changes: Any) -> Approved | Refused:
        """Return the verdict on an intent."""
        with exact():
            return self.service.validate_intent(intent(**changes), self.state)

    def codes(self, **changes: Any) -> tuple[str, ...]:
        """Return the codes of the verdict; none when approved."""
        verdict = self.judge(**changes)
        return verdict.codes if isinstance(verdict, Refused) else ()
