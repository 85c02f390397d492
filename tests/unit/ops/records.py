"""Make records with facts that a test need not care about; check nothing."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from meva_core.commands import Approved, PlaceOrder
from meva_core.model.fill import Fill, Liquidity
from meva_core.model.market import Side
from meva_core.model.order import OrderRequest, OrderStatus, OrderType, TimeInForce, TradeIntent
from meva_core.ops.log_records import (
    EquityMarked,
    FillBooked,
    OrderSubmitted,
    OrderUpdated,
    RiskDecided,
    SignalDecided,
)
from meva_core.signals.strategy import Signal

DAY_NS = 86_400_000_000_000


def request(quantity: str = "2") -> OrderRequest:
    """Return a market buy of BTC/USDT."""
    return OrderRequest(
        client_order_id="o-1",
        idem_key="cross:BTC/USDT:7",
        strategy="cross",
        symbol="BTC/USDT",
        side=Side.BUY,
        type=OrderType.MARKET,
        time_in_force=TimeInForce.GTC,
        quantity=Decimal(quantity),
        limit_price=None,
        post_only=False,
        reduce_only=False,
    )


def signal_decided(reject_reason: str = "", **changes: Any) -> SignalDecided:
    """Return the answer of a strategy."""
    signal = Signal(Side.BUY, Decimal("0.1"), "averages crossed")
    facts: dict[str, Any] = {"time_ns": 1, "decision": 7, "strategy": "cross", "symbol": "BTC/USDT"}
    return SignalDecided(**(facts | {"signal": signal, "reject_reason": reject_reason} | changes))


def risk_decided(*codes: str) -> RiskDecided:
    """Return the gate's judgement: approved without codes."""
    return RiskDecided(2, 7, "cross", "BTC/USDT", not codes, codes, "; ".join(codes))


def order_submitted() -> OrderSubmitted:
    """Return an order handed over."""
    return OrderSubmitted(3, 7, request(), Decimal("100.5"))


def place_order(time_ns: int, decision: int) -> PlaceOrder:
    """Return the command of an order for which the gate gave its permission."""
    asked = request()
    intent = TradeIntent(
        decision,
        asked.strategy,
        asked.symbol,
        asked.side,
        asked.type,
        asked.time_in_force,
        asked.quantity,
        asked.limit_price,
        asked.post_only,
        asked.reduce_only,
        Decimal("100.5"),
        time_ns,
        time_ns,
    )
    return PlaceOrder(asked, Approved(intent, 0, Decimal(100), "USDT", Decimal(100)), time_ns)


def order_updated(status: OrderStatus, filled: str | None = None) -> OrderUpdated:
    """Return a change of the order of 2 BTC."""
    return OrderUpdated(
        4, request(), "v-9", status, "venue answer", None if filled is None else Decimal(filled)
    )


def fill_booked(
    realized: str = "0", fee: str = "0", closed: str = "0", notional: str = "100", slippage_bps: float = 0.0
) -> FillBooked:
    """Return a booked fill; amounts are in the reporting currency."""
    fill = Fill(
        symbol="BTC/USDT",
        trade_id="t-1",
        client_order_id="o-1",
        venue_order_id="v-9",
        side=Side.BUY,
        price=Decimal(100),
        quantity=Decimal(1),
        fee=Decimal(fee),
        fee_asset="USDT",
        liquidity=Liquidity.TAKER,
        venue_time_ns=5,
    )
    return FillBooked(
        time_ns=5,
        fill=fill,
        strategy="cross",
        realized=Decimal(realized),
        fee_value=Decimal(fee),
        notional_value=Decimal(notional),
        closed_quantity=Decimal(closed),
        slippage_bps=slippage_bps,
    )


def equity_marked(equity: str, *, time_ns: int = 6, exposure: str = "0", drawdown: str = "0") -> EquityMarked:
    """Return a valuation of the account."""
    return EquityMarked(time_ns, Decimal(equity), Decimal(exposure), Decimal(drawdown))
