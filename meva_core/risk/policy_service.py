"""Decide whether an intent may become an order: the one gate, for every order, exits included."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Final

from attrs import frozen

from meva_core.commands import Approved
from meva_core.config.schema import FeesConfig, RiskConfig
from meva_core.data.market_data_service import MarketDataService
from meva_core.model.instrument import Instrument
from meva_core.model.market import NS_PER_MS, NS_PER_SECOND, Side
from meva_core.model.money import ZERO, quantise_up
from meva_core.model.order import OrderStatus, OrderType, TradeIntent
from meva_core.model.state import CanonicalState
from meva_core.portfolio.valuation_service import ValuationService
from meva_core.risk.exposure_engine import ExposureEngine
from meva_core.risk.limits_engine import LimitsEngine, RiskView, explain
from meva_core.risk.loss_guard import LossGuard
from meva_core.risk.order_rate import OrderRate

_BPS: Final = Decimal("0.0001")
_BPS_STEP: Final = Decimal("0.0001")


@frozen
class Refused:
    """Name every rule that *intent* breaks, with the numbers."""

    intent: TradeIntent
    codes: tuple[str, ...]
    explanation: str


RiskDecision = Approved | Refused


class RiskPolicyService:
    """Judge intents against the whole policy. It alone makes `Approved`."""

    def __init__(
        self,
        config: RiskConfig,
        fees: FeesConfig,
        *,
        instruments: dict[str, Instrument],
        market_data: MarketDataService,
        valuation: ValuationService,
        loss_guard: LossGuard,
    ) -> None:
        self._config = config
        self._instruments = instruments
        self._market_data = market_data
        self._valuation = valuation
        self._loss_guard = loss_guard
        self._limits = LimitsEngine()
        self._exposure = ExposureEngine()
        self.order_rate = OrderRate(window_ns=config.order_window_s * NS_PER_SECOND)
        self._max_data_age_ns = config.max_data_age_ms * NS_PER_MS
        self._worst_price = 1 + config.price_collar_bps * _BPS
        self._fee_reserve = 1 + fees.taker_bps * _BPS if fees.paid_in == "quote" else Decimal(1)

    def validate_intent(self, intent: TradeIntent, state: CanonicalState) -> RiskDecision:
        """Return the permission to send *intent*, or every rule that it breaks. Call it inside `exact()`."""
        view = self._view(intent, state)
        broken = self._limits.broken(view)
        if broken:
            return Refused(intent, tuple(rule.code for rule in broken), explain(broken, view))
        self.order_rate.add(view.time_ns, _kind(intent))
        reserve_price = Decimal(1) if intent.side is Side.SELL else self._reserve_price(intent)
        return Approved(
            intent, state.runtime_flags.gate_epoch, view.notional_quote, view.reserve_asset, reserve_price
        )
