"""Judge intents: the only way to a permission, for every order, exits included."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from attrs import define, frozen

from meva_core.commands import Approved
from meva_core.config.schema import FeesConfig, RiskConfig
from meva_core.data.market_data_service import Market, MarketDataService
from meva_core.model.instrument import Instrument
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


@define
class _Subject:
    """Hold what never changes about one symbol."""

    instrument: Instrument
    market: Market
    quote_is_reporting: bool


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
        self._valuation = valuation
        self._loss_guard = loss_guard
        self._exposure = ExposureEngine()
        self.order_rate = OrderRate(window_ns=config.order_window_s * NS_PER_SECOND)
        self._max_data_age_ns = config.max_data_age_ms * NS_PER_MS
        self._collar = config.price_collar_bps * _BPS
        # Where fees come out of the quote asset, a buy may need that much more of it.
        fee = fees.taker_bps * _BPS if fees.paid_in == "quote" else ZERO
        self._limit_reserve = _ONE + fee
        self._market_reserve = (_ONE + self._collar) * self._limit_reserve
        markets = [market_data.market(symbol) for symbol in market_data.symbols]
        self._subjects = {
            market.symbol: _Subject(
                market.instrument, market, market.instrument.quote == valuation.reporting_currency
            )
            for market in markets
        }

    def validate_intent(self, intent: TradeIntent, state: CanonicalState) -> RiskDecision:
        """Return the permission to send *intent*, or every rule that it breaks. Call it inside `exact()`."""
        kind = f"{intent.strategy}:{intent.symbol}:{intent.side}"
        view = self._view(intent, state, kind)
        broken = broken_rules(view)
        if broken:
            return Refused(intent, tuple([code.value for code in broken]), explain(broken, view))
        self.order_rate.add(view.time_ns, kind)
        return Approved(
            intent,
            state.runtime_flags.gate_epoch,
            view.notional_quote,
            view.reserve_asset,
            view.reserve_price,
        )

    def _view(self, intent: TradeIntent, state: CanonicalState, kind: str) -> RiskView:
        """Gather the numbers; what needs a missing mark is left at zero, and refused by `no_mark`."""
        symbol, quantity, time_ns = intent.symbol, intent.quantity, intent.created_ns
        subject = self._subjects[symbol]
        instrument, market = subject.instrument, subject.market
        mark = market.mark
        price = mark if intent.limit_price is None else intent.limit_price
        notional_quote = quantity * price
        on_order = self._exposure.open_quantities(state, symbol)
        after = on_order.worst_case(intent.side, quantity)
        mark_known = (
            market.last_ticks > 0
            and self._valuation.is_ready()
            and (subject.quote_is_reporting or self._valuation.has_price(instrument.quote))
        )
        notional = position_notional = exposure = ZERO
        if mark_known:
            quote_price = _ONE if subject.quote_is_reporting else self._valuation.price_of(instrument.quote)
            notional = notional_quote * quote_price
            position_notional = after * mark * quote_price
            exposure = position_notional
            if len(self._subjects) > 1:
                exposure += self._exposure.portfolio(state, self._base_price, without=symbol)
        if intent.side is Side.BUY:
            reserve_asset = instrument.quote
            is_limit = intent.type is OrderType.LIMIT
            # What a bought unit may cost at worst: its limit, or the mark plus the whole collar.
            reserve_price = price * (self._limit_reserve if is_limit else self._market_reserve)
        else:
            reserve_asset, reserve_price = instrument.base, _ONE
        balance = state.balances.get(reserve_asset)
        orders, repeats = self.order_rate.count(time_ns, kind)
        return RiskView(
            intent,
            state,
            self._config,
            instrument,
            self._valuation,
            self._loss_guard,
            time_ns,
            time_ns - market.last_ns,
            self._max_data_age_ns,
            mark_known,
            market.is_book_usable(),
            after <= on_order.worst_case(),
            _unknown_orders(state, symbol) if state.open_orders else 0,
            notional_quote,
            notional,
            position_notional,
            exposure,
            orders,
            repeats,
            self._deviation(intent, market, mark),
            mark * self._collar,
            reserve_asset,
            quantity * reserve_price,
            reserve_price,
            ZERO if balance is None else balance.free,
        )

    def _base_price(self, symbol: str) -> Decimal:
        return self._valuation.price_of(self._subjects[symbol].instrument.base)

    def _deviation(self, intent: TradeIntent, market: Market, mark: Decimal) -> Decimal:
        """Return by how much the order's price is worse for us than the mark; negative when it is better.

        A market order is priced at the best opposite quote, where one is known.
        """
        buys = intent.side is Side.BUY
        if intent.limit_price is not None:
            price = intent.limit_price
        else:
            ticks = market.ask_ticks if buys else market.bid_ticks
            if not ticks:
                return ZERO
            price = market.instrument.price(ticks)
        return price - mark if buys else mark - price


def _unknown_orders(state: CanonicalState, symbol: str) -> int:
    unknown = OrderStatus.UNKNOWN
    return sum(
        record.status is unknown and record.request.symbol == symbol for record in state.open_orders.values()
    )
