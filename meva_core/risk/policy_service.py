"""Decide whether an intent may become an order: the one gate, for every order, exits included."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from attrs import frozen

from meva_core.commands import Approved
from meva_core.config.schema import FeesConfig, RiskConfig
from meva_core.data.market_data_service import Market, MarketDataService
from meva_core.model.market import NS_PER_MS, NS_PER_SECOND, Side
from meva_core.model.money import ZERO
from meva_core.model.order import OrderStatus, OrderType, TradeIntent
from meva_core.model.state import CanonicalState
from meva_core.portfolio.valuation_service import ValuationService
from meva_core.risk.exposure_engine import ExposureEngine
from meva_core.risk.limits_engine import RiskView, broken_rules, explain
from meva_core.risk.loss_guard import LossGuard
from meva_core.risk.order_rate import OrderRate

_ONE: Final = Decimal(1)
_BPS: Final = Decimal("0.0001")


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
        market_data: MarketDataService,
        valuation: ValuationService,
        loss_guard: LossGuard,
    ) -> None:
        self._config = config
        markets = [market_data.market(symbol) for symbol in market_data.symbols]
        self._subjects = {market.symbol: (market.instrument, market) for market in markets}
        self._valuation = valuation
        self._loss_guard = loss_guard
        self._exposure = ExposureEngine()
        self.order_rate = OrderRate(window_ns=config.order_window_s * NS_PER_SECOND)
        self._max_data_age_ns = config.max_data_age_ms * NS_PER_MS
        self._collar = config.price_collar_bps * _BPS
        self._worst_price = _ONE + self._collar
        # Where fees come out of the quote asset, a buy may need that much more of it.
        self._fee_reserve = _ONE + fees.taker_bps * _BPS if fees.paid_in == "quote" else _ONE

    def validate_intent(self, intent: TradeIntent, state: CanonicalState) -> RiskDecision:
        """Return the permission to send *intent*, or every rule that it breaks. Call it inside `exact()`."""
        view = self._view(intent, state)
        broken = broken_rules(view)
        if broken:
            return Refused(intent, tuple(broken), explain(broken, view))
        self.order_rate.add(view.time_ns, _kind(intent))
        return Approved(
            intent,
            state.runtime_flags.gate_epoch,
            view.notional_quote,
            view.reserve_asset,
            view.reserve_price,
        )

    def _view(self, intent: TradeIntent, state: CanonicalState) -> RiskView:
        """Gather the numbers; what needs a missing mark is left at zero, and refused by `no_mark`."""
        config, valuation, symbol = self._config, self._valuation, intent.symbol
        instrument, market = self._subjects[symbol]
        time_ns, quantity = intent.created_ns, intent.quantity
        mark = market.mark
        price = mark if intent.limit_price is None else intent.limit_price
        notional_quote = quantity * price
        before = self._exposure.worst_case(state, symbol).quantity
        after = self._exposure.worst_case(state, symbol, intent).quantity
        mark_known = valuation.is_ready() and valuation.has_price(instrument.base)
        notional = position_notional = exposure = ZERO
        if mark_known:
            notional = notional_quote * valuation.price_of(instrument.quote)
            position_notional = after * valuation.price_of(instrument.base)
            others = self._exposure.portfolio(state, self._base_price, without=symbol)
            exposure = others + position_notional
        if intent.side is Side.BUY:
            reserve_asset, reserve_price = instrument.quote, self._reserve_price(intent, price)
        else:
            reserve_asset, reserve_price = instrument.base, _ONE
        balance = state.balances.get(reserve_asset)
        orders, repeats = self.order_rate.count(time_ns, _kind(intent))
        return RiskView(
            intent=intent,
            state=state,
            limits=state.risk_limits,
            instrument=instrument,
            valuation=valuation,
            losses=self._loss_guard,
            time_ns=time_ns,
            data_age_ns=time_ns - market.last_ns,
            max_data_age_ns=self._max_data_age_ns,
            mark_known=mark_known,
            book_usable=market.is_book_usable(),
            reduces=after <= before,
            unknown_orders=_unknown_orders(state, symbol) if state.open_orders else 0,
            notional_quote=notional_quote,
            notional=notional,
            position_notional=position_notional,
            exposure=exposure,
            orders_in_window=orders,
            max_orders_in_window=config.max_orders_per_window,
            repeats_in_window=repeats,
            max_repeats_in_window=config.max_repeated_orders,
            price_deviation=self._deviation(intent, market, mark),
            price_collar=mark * self._collar,
            reserve_asset=reserve_asset,
            reserve=quantity * reserve_price,
            reserve_price=reserve_price,
            free=ZERO if balance is None else balance.free,
        )

    def _base_price(self, symbol: str) -> Decimal:
        return self._valuation.price_of(self._subjects[symbol][0].base)

    def _reserve_price(self, intent: TradeIntent, price: Decimal) -> Decimal:
        """Return what a bought unit may cost at worst: its limit, or the mark plus the whole collar."""
        worst = price if intent.type is OrderType.LIMIT else price * self._worst_price
        return worst * self._fee_reserve

    def _deviation(self, intent: TradeIntent, market: Market, mark: Decimal) -> Decimal:
        """Return by how much the order's price is worse for us than the mark; negative when it is better.

        A market order is priced at the best opposite quote, where one is known.
        """
        if intent.limit_price is not None:
            price = intent.limit_price
        else:
            ticks = market.ask_ticks if intent.side is Side.BUY else market.bid_ticks
            price = market.instrument.price(ticks) if ticks else mark
        return price - mark if intent.side is Side.BUY else mark - price


def _kind(intent: TradeIntent) -> str:
    return f"{intent.strategy}:{intent.symbol}:{intent.side}"


def _unknown_orders(state: CanonicalState, symbol: str) -> int:
    unknown = OrderStatus.UNKNOWN
    return sum(
        record.status is unknown and record.request.symbol == symbol for record in state.open_orders.values()
    )
