"""Write what was decided as the canonical texts that enter the decision chain; decide nothing.

Fields are separated by blanks, free text stands last. A replay of old sessions compares these texts, so they never
change.
"""

from __future__ import annotations

from typing import Final

from meva_core.commands import PlaceOrder
from meva_core.model.order import OrderType
from meva_core.risk.policy_service import Refused
from meva_core.signals.strategy import Signal

_MARKET: Final = OrderType.MARKET


def refused_texts(signal: Signal, refused: Refused) -> tuple[str, ...]:
    """Return the texts of a valid signal, its intent, and the refusal of that."""
    intent = refused.intent
    return (
        asked_text(intent.created_ns, intent.decision, intent.strategy, intent.symbol, signal, "valid"),
        f"intent {intent.decision} {intent.quantity!s} {intent.reference_price!s} {intent.expires_ns}",
        f"refused {intent.decision} {','.join(refused.codes)} {refused.explanation}",
    )


def placed_texts(signal: Signal, command: PlaceOrder) -> tuple[str, ...]:
    """Return the texts of a valid signal, its intent, and the order that was made of it."""
    approved = command.approved
    intent = approved.intent
    number = intent.decision
    return (
        asked_text(intent.created_ns, number, intent.strategy, intent.symbol, signal, "valid"),
        f"intent {number} {intent.quantity!s} {intent.reference_price!s} {intent.expires_ns}",
        (
            f"place {number} {command.request.client_order_id} {approved.gate_epoch} {approved.notional!s}"
            f" {approved.reserve_asset} {approved.reserve_price!s}"
        ),
    )


def asked_text(time_ns: int, decision: int, strategy: str, symbol: str, signal: Signal, verdict: str) -> str:
    """Return the text of a signal; *verdict* is why it is rejected, or `valid`."""
    order_type, expires_ns = signal.type, signal.expires_ns
    plain = order_type is _MARKET and not expires_ns
    terms = "" if plain else f" {signal.limit_price} {signal.post_only} {expires_ns}"
    return (
        f"signal {decision} {time_ns} {strategy} {symbol} {verdict} {signal.side!s} {signal.quantity!s}"
        f" {order_type!s} {signal.time_in_force!s} {signal.reduce_only}{terms} {signal.confidence!r}"
        f" {signal.edge_bps!r} {signal.reason}"
    )
