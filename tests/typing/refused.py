"""Write down what must not type-check: each marked line is an error of the named kind (see `test_types.py`)."""

from __future__ import annotations

from decimal import Decimal
from typing import assert_never

from meva_core.commands import Approved, CancelOrder, Command, PlaceOrder
from meva_core.execution.order_service import OrderService
from meva_core.model.fill import Fill
from meva_core.model.order import OrderRequest, TradeIntent
from meva_core.model.state import CanonicalState
from meva_core.ports.clock import Clock
from meva_core.risk.policy_service import Refused, RiskPolicyService


def send_unchecked(request: OrderRequest, intent: TradeIntent, refused: Refused) -> None:
    """Try to send what the risk gate has not approved."""
    PlaceOrder(request, stamp_ns=0)  # refused: call-arg
    PlaceOrder(request, None, 0)  # refused: arg-type
    PlaceOrder(request, intent, 0)  # refused: arg-type
    PlaceOrder(request, refused, 0)  # refused: arg-type


def submit_unchecked(orders: OrderService, intent: TradeIntent, refused: Refused) -> None:
    """Try to record an order that the risk gate has not approved."""
    orders.submit(intent, "key")  # refused: arg-type
    orders.submit(refused, "key")  # refused: arg-type


def submit_unread(
    orders: OrderService, risk: RiskPolicyService, intent: TradeIntent, state: CanonicalState
) -> None:
    """Try to submit a verdict without reading it."""
    verdict = risk.validate_intent(intent, state)
    orders.submit(verdict, "key")  # refused: arg-type
    if isinstance(verdict, Approved):
        orders.submit(verdict, "key")


def change_values(approved: Approved, fill: Fill, intent: TradeIntent) -> None:
    """Try to change what is a fact."""
    approved.notional = Decimal(0)  # refused: misc
    fill.quantity = Decimal(0)  # refused: misc
    intent.quantity = Decimal(0)  # refused: misc


def forget_a_command(command: Command) -> None:
    """Try to handle some commands and forget the others."""
    match command:
        case PlaceOrder() | CancelOrder():
            pass
        case _:
            assert_never(command)  # refused: arg-type


def count_money_in_floats(fill: Fill, service: OrderService) -> None:
    """Try to bring a binary fraction into an amount."""
    CancelOrder("BTC/USDT", "o-1", 0.1)  # refused: arg-type
    _: Decimal = 0.1  # refused: assignment
    fill.price * 0.1  # refused: operator


class TellsFractions:
    """Tell the time as no port allows."""

    def now_ns(self) -> float:
        """Return the time."""
        return 0.5


CLOCK: Clock = TellsFractions()  # refused: assignment
