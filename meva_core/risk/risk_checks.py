"""Say of one judged intent what every rule measured and allowed, passed or not; judge nothing."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Final

from meva_core.model.market import NS_PER_MS
from meva_core.model.state import Gate
from meva_core.model.value import value
from meva_core.risk.limits_engine import RiskCode, RiskView


@value
class RiskCheck:
    """Hold one rule's verdict: *measured* against *allowed*, in words with their units."""

    code: RiskCode
    passed: bool
    measured: str
    allowed: str


_Words = tuple[str, str]

MEASURES: Final[dict[RiskCode, Callable[[RiskView], _Words]]] = {
    RiskCode.GATE_CLOSED: lambda v: (
        f"gate {v.state.runtime_flags.gate.name.lower()}, position {'grows' if v.grows else 'does not grow'}",
        f"{Gate.OPEN.name.lower()}, or {Gate.REDUCE_ONLY.name.lower()} where it does not grow",
    ),
    RiskCode.STRATEGY_DISABLED: lambda v: (
        "enabled" if v.state.runtime_flags.strategy_enabled.get(v.intent.strategy, False) else "disabled",
        "enabled",
    ),
    RiskCode.INTENT_EXPIRED: lambda v: (
        f"decided at {v.intent.created_ns} ns",
        f"until {v.intent.expires_ns} ns" if v.intent.expires_ns else "no end",
    ),
    RiskCode.STALE_DATA: lambda v: (
        f"data {v.data_age_ns / NS_PER_MS:.3f} ms old",
        f"{v.max_data_age_ns / NS_PER_MS:.0f} ms",
    ),
    RiskCode.NO_MARK: lambda v: (
        "every mark is known" if v.mark_known else "a mark is missing",
        "every mark",
    ),
    RiskCode.MARKET_HALTED: lambda v: (v.state.connectivity.halted.get(v.intent.symbol, "open"), "open"),
    RiskCode.BOOK_UNUSABLE: lambda v: (_book(v), "synchronised, or none fed"),
    RiskCode.UNKNOWN_ORDER: lambda v: (f"{v.unknown_orders} unknown orders", "0 where the position grows"),
    RiskCode.INSTRUMENT_LIMITS: lambda v: (
        f"quantity {v.intent.quantity:f}, notional {v.notional_quote:f}",
        (
            f"quantity {v.subject.instrument.min_quantity} to {v.subject.instrument.max_quantity or 'any'}, "
            f"notional {v.subject.instrument.min_notional} to {v.subject.instrument.max_notional or 'any'}"
        ),
    ),
    RiskCode.MAX_NOTIONAL_PER_TRADE: lambda v: (
        f"{v.notional:f}",
        f"{v.state.risk_limits.max_notional_per_trade:f}",
    ),
    RiskCode.MAX_POSITION_NOTIONAL: lambda v: (
        f"worst case {v.position_notional:f}" if v.grows else "does not grow",
        f"{v.state.risk_limits.max_position_notional_per_symbol:f}",
    ),
    RiskCode.MAX_PORTFOLIO_EXPOSURE: lambda v: (
        f"worst case {v.exposure:f}" if v.grows else "does not grow",
        f"{v.state.risk_limits.max_portfolio_exposure:f}",
    ),
    RiskCode.DAILY_LOSS_LIMIT: lambda v: (
        f"loss {v.daily_loss:f}",
        f"below {v.state.risk_limits.daily_loss_limit:f}",
    ),
    RiskCode.MAX_DRAWDOWN_LIMIT: lambda v: (
        f"fall {v.drawdown:f}",
        f"below {v.state.risk_limits.max_drawdown_limit:f}",
    ),
    RiskCode.MAX_OPEN_ORDERS: lambda v: (
        f"{len(v.state.open_orders)} open",
        f"fewer than {v.state.risk_limits.max_open_orders}",
    ),
    RiskCode.ORDER_RATE: lambda v: (
        f"{v.orders_in_window} in the window",
        f"fewer than {v.subject.config.max_orders_per_window}",
    ),
    RiskCode.REPEATED_ORDER: lambda v: (
        f"{v.repeats_in_window} equal ones in the window",
        f"fewer than {v.subject.config.max_repeated_orders}",
    ),
    RiskCode.PRICE_COLLAR: lambda v: (f"{v.price_deviation:f} worse than the mark", f"{v.price_collar:f}"),
    RiskCode.INSUFFICIENT_FUNDS: lambda v: (
        f"{v.reserve:f} {v.reserve_asset} needed",
        f"{v.free:f} free",
    ),
}
assert set(MEASURES) == set(RiskCode), "every rule is measured"


def risk_checks(view: RiskView, broken: Collection[RiskCode]) -> tuple[RiskCheck, ...]:
    """Return what every rule saw, in the order of the rules. Call it inside the event that was judged."""
    return tuple(RiskCheck(code, code not in broken, *measure(view)) for code, measure in MEASURES.items())


def _book(view: RiskView) -> str:
    market = view.subject.market
    if market.book is None:
        return "none fed"
    return "synchronised" if market.is_book_usable() else "unusable"
