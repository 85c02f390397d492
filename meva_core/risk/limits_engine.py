"""Judge one intent by every pre-trade rule: one table, one code per rule, all numbers in the explanation."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from enum import StrEnum
from typing import Final

from attrs import define, frozen

from meva_core.model.instrument import Instrument
from meva_core.model.order import TradeIntent
from meva_core.model.state import CanonicalState, Gate, RiskLimits
from meva_core.portfolio.valuation_service import ValuationService
from meva_core.risk.loss_guard import LossGuard


class RiskCode(StrEnum):
    """Name every reason for which the risk gate refuses an intent."""

    GATE_CLOSED = "gate_closed"
    STRATEGY_DISABLED = "strategy_disabled"
    INTENT_EXPIRED = "intent_expired"
    STALE_DATA = "stale_data"
    NO_MARK = "no_mark"
    BOOK_UNUSABLE = "book_unusable"
    UNKNOWN_ORDER = "unknown_order"
    INSTRUMENT_LIMITS = "instrument_limits"
    MAX_NOTIONAL_PER_TRADE = "max_notional_per_trade"
    MAX_POSITION_NOTIONAL = "max_position_notional"
    MAX_PORTFOLIO_EXPOSURE = "max_portfolio_exposure"
    DAILY_LOSS_LIMIT = "daily_loss_limit"
    MAX_DRAWDOWN_LIMIT = "max_drawdown_limit"
    MAX_OPEN_ORDERS = "max_open_orders"
    ORDER_RATE = "order_rate"
    REPEATED_ORDER = "repeated_order"
    PRICE_COLLAR = "price_collar"
    INSUFFICIENT_FUNDS = "insufficient_funds"


@define
class RiskView:
    """Gather every number that a rule may look at, for one intent.

    Money is in the reporting currency, but `_quote` and prices in the quote asset. *reduces* says that the
    intent cannot raise the worst-case position: such an intent passes the limits on size of position and
    exposure.
    """

    intent: TradeIntent
    state: CanonicalState
    limits: RiskLimits
    instrument: Instrument
    valuation: ValuationService
    losses: LossGuard
    time_ns: int
    data_age_ns: int
    max_data_age_ns: int
    mark_known: bool
    book_usable: bool
    reduces: bool
    unknown_orders: int
    notional_quote: Decimal
    notional: Decimal
    position_notional: Decimal
    exposure: Decimal
    orders_in_window: int
    max_orders_in_window: int
    repeats_in_window: int
    max_repeats_in_window: int
    price_deviation: Decimal
    price_collar: Decimal
    reserve_asset: str
    reserve: Decimal
    reserve_price: Decimal
    free: Decimal

    @property
    def daily_loss(self) -> Decimal:
        """Return by how much the equity is below the day's opening; negative in profit."""
        return self.valuation.amount(self.losses.anchors.day_open - self.losses.anchors.equity)

    @property
    def drawdown(self) -> Decimal:
        """Return by how much the equity is below its peak."""
        return self.valuation.amount(self.losses.anchors.drawdown)


@frozen
class Rule:
    """Pair a code with its test (true means: refuse) and with the sentence that explains a refusal."""

    code: RiskCode
    breaks: Callable[[RiskView], bool]
    explain: Callable[[RiskView], str]


def _gate_refuses(view: RiskView) -> bool:
    gate = view.state.runtime_flags.gate
    return gate is not Gate.OPEN and not (gate is Gate.REDUCE_ONLY and view.reduces)


def _instrument_refuses(view: RiskView) -> bool:
    item, quantity, notional = view.instrument, view.intent.quantity, view.notional_quote
    return (
        quantity < item.min_quantity
        or (item.max_quantity is not None and quantity > item.max_quantity)
        or notional < item.min_notional
        or (item.max_notional is not None and notional > item.max_notional)
    )


RULES: Final = (
    Rule(
        RiskCode.GATE_CLOSED,
        _gate_refuses,
        lambda v: f"the gate is {v.state.runtime_flags.gate.name}: {v.state.runtime_flags.pause_reason}",
    ),
    Rule(
        RiskCode.STRATEGY_DISABLED,
        lambda v: not v.state.runtime_flags.strategy_enabled.get(v.intent.strategy, False),
        lambda v: f"strategy {v.intent.strategy} is disabled",
    ),
    Rule(
        RiskCode.INTENT_EXPIRED,
        lambda v: 0 < v.intent.expires_ns < v.time_ns,
        lambda v: f"the intent expired {v.time_ns - v.intent.expires_ns} ns ago",
    ),
    Rule(
        RiskCode.STALE_DATA,
        lambda v: v.data_age_ns > v.max_data_age_ns,
        lambda v: f"market data is {v.data_age_ns} ns old, at most {v.max_data_age_ns} allowed",
    ),
    Rule(
        RiskCode.NO_MARK,
        lambda v: not v.mark_known,
        lambda _: "an asset that is held, or the quote asset, has no mark yet",
    ),
    Rule(
        RiskCode.BOOK_UNUSABLE,
        lambda v: not v.book_usable,
        lambda v: f"the order book of {v.intent.symbol} is not synchronised, one-sided or crossed",
    ),
    Rule(
        RiskCode.UNKNOWN_ORDER,
        lambda v: v.unknown_orders > 0 and not v.reduces,
        lambda v: f"{v.unknown_orders} orders on {v.intent.symbol} have an unknown outcome",
    ),
    Rule(
        RiskCode.INSTRUMENT_LIMITS,
        _instrument_refuses,
        lambda v: (
            f"quantity {v.intent.quantity:f} or notional {v.notional_quote:f} is outside the limits of "
            f"{v.intent.symbol}: quantity {v.instrument.min_quantity}..{v.instrument.max_quantity}, "
            f"notional {v.instrument.min_notional}..{v.instrument.max_notional}"
        ),
    ),
    Rule(
        RiskCode.MAX_NOTIONAL_PER_TRADE,
        lambda v: v.notional > v.limits.max_notional_per_trade,
        lambda v: f"notional {v.notional:f} is above {v.limits.max_notional_per_trade:f}",
    ),
    Rule(
        RiskCode.MAX_POSITION_NOTIONAL,
        lambda v: not v.reduces and v.position_notional > v.limits.max_position_notional_per_symbol,
        lambda v: (
            f"worst-case position {v.position_notional:f} would be above "
            f"{v.limits.max_position_notional_per_symbol:f}"
        ),
    ),
    Rule(
        RiskCode.MAX_PORTFOLIO_EXPOSURE,
        lambda v: not v.reduces and v.exposure > v.limits.max_portfolio_exposure,
        lambda v: f"worst-case exposure {v.exposure:f} would be above {v.limits.max_portfolio_exposure:f}",
    ),
    Rule(
        RiskCode.DAILY_LOSS_LIMIT,
        lambda v: v.losses.is_daily_loss_reached,
        lambda v: f"today's loss {v.daily_loss:f} has reached {v.limits.daily_loss_limit:f}",
    ),
    Rule(
        RiskCode.MAX_DRAWDOWN_LIMIT,
        lambda v: v.losses.is_drawdown_reached,
        lambda v: f"drawdown {v.drawdown:f} has reached {v.limits.max_drawdown_limit:f}",
    ),
    Rule(
        RiskCode.MAX_OPEN_ORDERS,
        lambda v: len(v.state.open_orders) >= v.limits.max_open_orders,
        lambda v: f"{len(v.state.open_orders)} orders are open, at most {v.limits.max_open_orders} allowed",
    ),
    Rule(
        RiskCode.ORDER_RATE,
        lambda v: v.orders_in_window >= v.max_orders_in_window,
        lambda v: f"{v.orders_in_window} orders in the window, at most {v.max_orders_in_window} allowed",
    ),
    Rule(
        RiskCode.REPEATED_ORDER,
        lambda v: v.repeats_in_window >= v.max_repeats_in_window,
        lambda v: (
            f"{v.repeats_in_window} equal orders in the window, at most {v.max_repeats_in_window} allowed"
        ),
    ),
    Rule(
        RiskCode.PRICE_COLLAR,
        lambda v: v.price_deviation > v.price_collar,
        lambda v: (
            f"the price is {v.price_deviation:f} worse than the mark, at most {v.price_collar:f} allowed"
        ),
    ),
    Rule(
        RiskCode.INSUFFICIENT_FUNDS,
        lambda v: v.reserve > v.free,
        lambda v: f"{v.reserve:f} {v.reserve_asset} needed, {v.free:f} free",
    ),
)
assert {rule.code for rule in RULES} == set(RiskCode), "every code has exactly one rule"
assert len(RULES) == len(RiskCode), "every code has exactly one rule"


class LimitsEngine:
    """Apply the whole table; one broken rule does not hide another."""

    def broken(self, view: RiskView) -> tuple[Rule, ...]:
        """Return the rules that *view* breaks, in the order of the table."""
        return tuple([rule for rule in RULES if rule.breaks(view)])


def explain(rules: tuple[Rule, ...], view: RiskView) -> str:
    """Return one sentence with the numbers of every broken rule."""
    return "; ".join(f"{rule.code}: {rule.explain(view)}" for rule in rules)
