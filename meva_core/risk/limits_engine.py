"""Judge one intent by every pre-trade rule: one code per rule, all numbers in the explanation."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from enum import StrEnum
from typing import Final

from attrs import define

from meva_core.config.schema import RiskConfig
from meva_core.data.market_data_service import Market
from meva_core.model.instrument import Instrument
from meva_core.model.market import Side
from meva_core.model.order import TradeIntent
from meva_core.model.state import CanonicalState, Gate
from meva_core.portfolio.valuation_service import ValuationService
from meva_core.risk.loss_guard import LossGuard
from meva_core.risk.order_rate import OrderKinds


class RiskCode(StrEnum):
    """Name every reason for which the risk gate refuses an intent."""

    GATE_CLOSED = "gate_closed"
    STRATEGY_DISABLED = "strategy_disabled"
    INTENT_EXPIRED = "intent_expired"
    STALE_DATA = "stale_data"
    NO_MARK = "no_mark"
    MARKET_HALTED = "market_halted"
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


# Names of a module are found faster than members of an enum, and every order looks for these.
_OPEN: Final = Gate.OPEN
_REDUCE_ONLY: Final = Gate.REDUCE_ONLY


@define
class RiskSubject:
    """Hold what hardly ever changes about the orders of one symbol: its market, and the policy that judges them.

    *instrument* is replaced when the venue changes the sizes that it takes; its grid stays.
    """

    instrument: Instrument
    market: Market
    config: RiskConfig
    valuation: ValuationService
    losses: LossGuard
    quote_is_reporting: bool
    kinds: Mapping[Side, OrderKinds]


@define
class RiskView:
    """Gather every number that a rule looks at, for one refused intent.

    `broken_rules` takes the same as a tuple, all but the last, which no rule looks at.
    Money is in the reporting currency, but `_quote` and prices in the quote asset, and *reserve* and *free* in
    *reserve_asset*. *orders_in_window* and *repeats_in_window* are exact where a limit may be near or somebody
    listens, else upper bounds. *grows* says that the intent can raise the worst-case position: any other passes the
    limits on size of position and exposure, which are then left at zero.
    """

    intent: TradeIntent
    state: CanonicalState
    subject: RiskSubject
    data_age_ns: int
    max_data_age_ns: int
    mark_known: bool
    grows: bool
    unknown_orders: int
    notional_quote: Decimal
    notional: Decimal
    position_notional: Decimal
    exposure: Decimal
    orders_in_window: int
    repeats_in_window: int
    price_deviation: Decimal
    price_collar: Decimal
    reserve: Decimal
    free: Decimal
    reserve_asset: str

    @property
    def daily_loss(self) -> Decimal:
        """Return by how much the equity is below the day's opening; negative in profit."""
        anchors = self.subject.losses.anchors
        return self.subject.valuation.amount(anchors.day_open - anchors.equity)

    @property
    def drawdown(self) -> Decimal:
        """Return by how much the equity is below its peak."""
        return self.subject.valuation.amount(self.subject.losses.anchors.drawdown)


# The fields of `RiskView` but for the last, in their order: no object is made for an order that breaks no rule.
RiskFacts = tuple[
    TradeIntent,
    CanonicalState,
    RiskSubject,
    int,
    int,
    bool,
    bool,
    int,
    Decimal,
    Decimal,
    Decimal,
    Decimal,
    int,
    int,
    Decimal,
    Decimal,
    Decimal,
    Decimal,
]


def broken_rules(facts: RiskFacts) -> list[RiskCode]:
    """Return the code of every rule that is broken, hiding none: flat, on bare numbers, as every order passes it."""
    (
        intent,
        state,
        subject,
        data_age_ns,
        max_data_age_ns,
        mark_known,
        grows,
        unknown_orders,
        notional_quote,
        notional,
        position_notional,
        exposure,
        orders_in_window,
        repeats_in_window,
        price_deviation,
        price_collar,
        reserve,
        free,
    ) = facts
    quantity, limits, item, config = intent.quantity, state.risk_limits, subject.instrument, subject.config
    flags, losses = state.runtime_flags, subject.losses
    codes: list[RiskCode] = []
    if flags.gate is not _OPEN and (grows or flags.gate is not _REDUCE_ONLY):
        codes.append(RiskCode.GATE_CLOSED)
    if not flags.strategy_enabled.get(intent.strategy):
        codes.append(RiskCode.STRATEGY_DISABLED)
    if 0 < intent.expires_ns < intent.created_ns:
        codes.append(RiskCode.INTENT_EXPIRED)
    if data_age_ns > max_data_age_ns:
        codes.append(RiskCode.STALE_DATA)
    if not mark_known:
        codes.append(RiskCode.NO_MARK)
    if intent.symbol in state.connectivity.halted:
        codes.append(RiskCode.MARKET_HALTED)
    if subject.market.book is not None and not subject.market.is_book_usable():
        codes.append(RiskCode.BOOK_UNUSABLE)
    if unknown_orders and grows:
        codes.append(RiskCode.UNKNOWN_ORDER)
    if (
        quantity < item.min_quantity
        or notional_quote < item.min_notional
        or (item.max_quantity is not None and quantity > item.max_quantity)
        or (item.max_notional is not None and notional_quote > item.max_notional)
    ):
        codes.append(RiskCode.INSTRUMENT_LIMITS)
    if notional > limits.max_notional_per_trade:
        codes.append(RiskCode.MAX_NOTIONAL_PER_TRADE)
    if grows and position_notional > limits.max_position_notional_per_symbol:
        codes.append(RiskCode.MAX_POSITION_NOTIONAL)
    if grows and exposure > limits.max_portfolio_exposure:
        codes.append(RiskCode.MAX_PORTFOLIO_EXPOSURE)
    if not losses.is_calm:
        if losses.is_daily_loss_reached:
            codes.append(RiskCode.DAILY_LOSS_LIMIT)
        if losses.is_drawdown_reached:
            codes.append(RiskCode.MAX_DRAWDOWN_LIMIT)
    if len(state.open_orders) >= limits.max_open_orders:
        codes.append(RiskCode.MAX_OPEN_ORDERS)
    if orders_in_window >= config.max_orders_per_window:
        codes.append(RiskCode.ORDER_RATE)
    if repeats_in_window >= config.max_repeated_orders:
        codes.append(RiskCode.REPEATED_ORDER)
    if price_deviation > price_collar:
        codes.append(RiskCode.PRICE_COLLAR)
    if reserve > free:
        codes.append(RiskCode.INSUFFICIENT_FUNDS)
    return codes


EXPLANATIONS: Final[dict[RiskCode, Callable[[RiskView], str]]] = {
    RiskCode.GATE_CLOSED: lambda v: (
        f"the gate is {v.state.runtime_flags.gate.name}: {v.state.runtime_flags.pause_reason}"
    ),
    RiskCode.STRATEGY_DISABLED: lambda v: f"strategy {v.intent.strategy} is disabled",
    RiskCode.INTENT_EXPIRED: lambda v: (
        f"the intent expired {v.intent.created_ns - v.intent.expires_ns} ns ago"
    ),
    RiskCode.STALE_DATA: lambda v: (
        f"market data is {v.data_age_ns} ns old, at most {v.max_data_age_ns} allowed"
    ),
    RiskCode.NO_MARK: lambda _: "an asset that is held, or the quote asset, has no mark yet",
    RiskCode.MARKET_HALTED: lambda v: (
        f"{v.intent.symbol} takes no orders: {v.state.connectivity.halted[v.intent.symbol]}"
    ),
    RiskCode.BOOK_UNUSABLE: lambda v: (
        f"the order book of {v.intent.symbol} is not synchronised, one-sided or crossed"
    ),
    RiskCode.UNKNOWN_ORDER: lambda v: (
        f"{v.unknown_orders} orders on {v.intent.symbol} have an unknown outcome"
    ),
    RiskCode.INSTRUMENT_LIMITS: lambda v: (
        f"quantity {v.intent.quantity:f} or notional {v.notional_quote:f} is outside the limits of "
        f"{v.intent.symbol}: quantity {v.subject.instrument.min_quantity}..{v.subject.instrument.max_quantity}, "
        f"notional {v.subject.instrument.min_notional}..{v.subject.instrument.max_notional}"
    ),
    RiskCode.MAX_NOTIONAL_PER_TRADE: lambda v: (
        f"notional {v.notional:f} is above {v.state.risk_limits.max_notional_per_trade:f}"
    ),
    RiskCode.MAX_POSITION_NOTIONAL: lambda v: (
        f"worst-case position {v.position_notional:f} would be above "
        f"{v.state.risk_limits.max_position_notional_per_symbol:f}"
    ),
    RiskCode.MAX_PORTFOLIO_EXPOSURE: lambda v: (
        f"worst-case exposure {v.exposure:f} would be above {v.state.risk_limits.max_portfolio_exposure:f}"
    ),
    RiskCode.DAILY_LOSS_LIMIT: lambda v: (
        f"today's loss {v.daily_loss:f} has reached {v.state.risk_limits.daily_loss_limit:f}"
    ),
    RiskCode.MAX_DRAWDOWN_LIMIT: lambda v: (
        f"drawdown {v.drawdown:f} has reached {v.state.risk_limits.max_drawdown_limit:f}"
    ),
    RiskCode.MAX_OPEN_ORDERS: lambda v: (
        f"{len(v.state.open_orders)} orders are open, at most {v.state.risk_limits.max_open_orders} allowed"
    ),
    RiskCode.ORDER_RATE: lambda v: (
        f"{v.orders_in_window} orders in the window, at most {v.subject.config.max_orders_per_window} allowed"
    ),
    RiskCode.REPEATED_ORDER: lambda v: (
        f"{v.repeats_in_window} equal orders in the window, at most {v.subject.config.max_repeated_orders} allowed"
    ),
    RiskCode.PRICE_COLLAR: lambda v: (
        f"the price is {v.price_deviation:f} worse than the mark, at most {v.price_collar:f} allowed"
    ),
    RiskCode.INSUFFICIENT_FUNDS: lambda v: f"{v.reserve:f} {v.reserve_asset} needed, {v.free:f} free",
}
assert set(EXPLANATIONS) == set(RiskCode), "every code is explained"


def explain(codes: list[RiskCode], view: RiskView) -> str:
    """Return one sentence with the numbers of every broken rule."""
    return "; ".join(f"{code}: {EXPLANATIONS[code](view)}" for code in codes)
