"""Judge intents: the only way to a permission, for every order, exits included."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Final

from attrs import frozen

from meva_core.commands import Approved
from meva_core.config.schema import FeesConfig, RiskConfig
from meva_core.data.market_data_service import Market, MarketDataService
from meva_core.model.instrument import Instrument
from meva_core.model.market import NS_PER_MS, NS_PER_SECOND, Side
from meva_core.model.money import EXACT, ZERO
from meva_core.model.order import OrderStatus, OrderType, TradeIntent
from meva_core.model.state import CanonicalState
from meva_core.portfolio.valuation_service import ValuationService
from meva_core.risk.exposure_engine import ExposureEngine
from meva_core.risk.limits_engine import RiskCode, RiskFacts, RiskSubject, RiskView, broken_rules, explain
from meva_core.risk.loss_guard import LossGuard
from meva_core.risk.order_rate import OrderKinds, OrderRate

_ONE: Final = Decimal(1)
_BPS: Final = Decimal("0.0001")
# So many orders are remembered before the old ones among them are looked for.
_REMEMBERED_MAX: Final = 64
# Names of a module are found faster than members of an enum, and every order looks for these.
_BUY: Final = Side.BUY
_LIMIT: Final = OrderType.LIMIT


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
        # Shown every judgement with its numbers, by whoever explains an order; nobody listens on the path of trading.
        self.on_judged: Callable[[RiskView, list[RiskCode]], None] | None = None
        self._valuation = valuation
        self._exposure = ExposureEngine()
        self.order_rate = OrderRate(window_ns=config.order_window_s * NS_PER_SECOND)
        self._max_data_age_ns = config.max_data_age_ms * NS_PER_MS
        self._collar = EXACT.multiply(config.price_collar_bps, _BPS)
        # Where fees come out of the quote asset, a buy may need that much more of it.
        fee = EXACT.multiply(fees.taker_bps, _BPS) if fees.paid_in == "quote" else ZERO
        self._limit_reserve = EXACT.add(_ONE, fee)
        self._market_reserve = EXACT.multiply(EXACT.add(_ONE, self._collar), self._limit_reserve)
        self._few_orders = min(config.max_orders_per_window, config.max_repeated_orders, _REMEMBERED_MAX)
        self._subjects = {}
        for symbol in market_data.symbols:
            market = market_data.market(symbol)
            instrument = market.instrument
            is_reporting = instrument.quote == valuation.reporting_currency
            kinds = {side: OrderKinds(symbol, side) for side in Side}
            self._subjects[symbol] = RiskSubject(
                instrument, market, config, valuation, loss_guard, is_reporting, kinds
            )

    def follow_rules(self, instrument: Instrument) -> None:
        """Judge by the sizes that the venue takes from now on; its grid must be the one that we trade on."""
        subject = self._subjects[instrument.symbol]
        assert instrument.has_grid_of(subject.instrument), "another grid closes the market"
        subject.instrument = instrument

    def validate_intent(self, intent: TradeIntent, state: CanonicalState) -> RiskDecision:
        """Return the permission to send *intent*, or every rule that it breaks. Call it inside `exact()`.

        What needs a missing mark is left at zero, and refused by `no_mark`.
        """
        symbol, side, time_ns = intent.symbol, intent.side, intent.created_ns
        subject, quantity, limit_price = self._subjects[symbol], intent.quantity, intent.limit_price
        instrument, market, valuation = subject.instrument, subject.market, self._valuation
        mark = instrument.tick_size * market.last_ticks
        price = mark if limit_price is None else limit_price
        notional_quote = quantity * price
        position = state.positions.get(symbol)
        long = ZERO if position is None else position.quantity
        short, unknown_orders = ZERO - long, 0
        if state.open_orders:
            long, short = self._exposure.open_quantities(state, symbol).reach
            unknown_orders = _unknown_orders(state, symbol)
        if side is _BUY:
            opposite, grown = market.ask_ticks, long + quantity
            # What a bought unit may cost at worst: its limit, or the mark plus the whole collar.
            reserve_price = price * (self._limit_reserve if intent.type is _LIMIT else self._market_reserve)
            reserve_asset = instrument.quote
        else:
            opposite, grown = market.bid_ticks, short + quantity
            reserve_asset, reserve_price = instrument.base, _ONE
        # The worst case rises only where the new order leads further than all before it, either way.
        grows = grown > long and grown > short and grown > ZERO
        priced = subject.quote_is_reporting or valuation.has_price(instrument.quote)
        mark_known = market.last_ticks > 0 and priced and valuation.is_ready()
        notional = position_notional = exposure = ZERO
        if mark_known:
            notional, position_notional = notional_quote, grown * mark if grows else ZERO
            if not subject.quote_is_reporting:
                worth = valuation.price_of(instrument.quote)
                notional, position_notional = notional * worth, position_notional * worth
            if grows:
                exposure = position_notional + self._elsewhere(state, symbol)
        balance = state.balances.get(reserve_asset)
        rate, kind = self.order_rate, subject.kinds[side][intent.strategy]
        orders = repeats = len(rate.times)  # At most so many, and nearly always fewer than any limit.
        if orders >= self._few_orders or self.on_judged is not None:
            orders, repeats = rate.count(time_ns, kind)
        facts: RiskFacts = (
            intent,
            state,
            subject,
            time_ns - market.last_ns,
            self._max_data_age_ns,
            mark_known,
            grows,
            unknown_orders,
            notional_quote,
            notional,
            position_notional,
            exposure,
            orders,
            repeats,
            ZERO if limit_price is None and not opposite else self._deviation(intent, market, mark),
            mark * self._collar,
            quantity * reserve_price,
            ZERO if balance is None else balance.total - balance.locked,
        )
        broken = broken_rules(facts)
        if self.on_judged is not None:
            self.on_judged(RiskView(*facts, reserve_asset), broken)
        if broken:
            explanation = explain(broken, RiskView(*facts, reserve_asset))
            return Refused(intent, tuple([code.value for code in broken]), explanation)
        rate.add(time_ns, kind)
        return Approved(intent, state.runtime_flags.gate_epoch, notional_quote, reserve_asset, reserve_price)

    def _elsewhere(self, state: CanonicalState, symbol: str) -> Decimal:
        """Return the exposure of all other symbols."""
        if not state.open_orders and state.positions.keys() <= {symbol}:
            return ZERO
        return self._exposure.portfolio(state, self._base_price, without=symbol)

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
