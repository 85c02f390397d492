"""Order life cycle: one table, no clock, no I/O."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from meva_core.errors import IllegalTransitionError
from meva_core.model.order import OrderStatus


class OrderReport(StrEnum):
    """Name what can be reported about an order."""

    SENT = "sent"
    DROPPED = "dropped"  # By us, before the first byte left.
    ACKNOWLEDGED = "acknowledged"
    PARTIAL_FILL = "partial_fill"
    FINAL_FILL = "final_fill"
    CANCEL_SENT = "cancel_sent"
    CANCELED = "canceled"
    EXPIRED = "expired"
    REJECTED = "rejected"
    TIMED_OUT = "timed_out"
    PROVED_ABSENT = "proved_absent"  # The fence of the submission protocol has passed.


_S = OrderStatus
_R = OrderReport

_LIVE_ENDS: Final = {
    _R.FINAL_FILL: _S.FILLED,
    _R.CANCELED: _S.CANCELED,
    _R.EXPIRED: _S.EXPIRED,
}

TRANSITIONS: Final[dict[OrderStatus, dict[OrderReport, OrderStatus]]] = {
    _S.INITIALIZED: {
        _R.SENT: _S.SUBMITTED,
        _R.DROPPED: _S.DENIED,
    },
    _S.SUBMITTED: {
        **_LIVE_ENDS,
        _R.ACKNOWLEDGED: _S.ACCEPTED,
        _R.PARTIAL_FILL: _S.PARTIALLY_FILLED,  # Streams may overtake the answer.
        _R.REJECTED: _S.REJECTED,
        _R.DROPPED: _S.DENIED,  # The gate moved between decision and hand-over.
        _R.TIMED_OUT: _S.UNKNOWN,  # Silence is not a refusal.
        _R.CANCEL_SENT: _S.PENDING_CANCEL,
    },
    _S.ACCEPTED: {
        **_LIVE_ENDS,
        _R.ACKNOWLEDGED: _S.ACCEPTED,
        _R.PARTIAL_FILL: _S.PARTIALLY_FILLED,
        _R.CANCEL_SENT: _S.PENDING_CANCEL,
        _R.TIMED_OUT: _S.ACCEPTED,  # Evidence of its life outweighs a lost answer.
    },
    _S.PARTIALLY_FILLED: {
        **_LIVE_ENDS,
        _R.ACKNOWLEDGED: _S.PARTIALLY_FILLED,
        _R.PARTIAL_FILL: _S.PARTIALLY_FILLED,
        _R.CANCEL_SENT: _S.PENDING_CANCEL,
        _R.TIMED_OUT: _S.PARTIALLY_FILLED,
    },
    _S.PENDING_CANCEL: {
        **_LIVE_ENDS,
        _R.ACKNOWLEDGED: _S.PENDING_CANCEL,
        _R.PARTIAL_FILL: _S.PENDING_CANCEL,
        _R.CANCEL_SENT: _S.PENDING_CANCEL,
        _R.DROPPED: _S.DENIED,  # Its cancel was wished before it had left, and then it did not leave at all.
        _R.REJECTED: _S.REJECTED,
        _R.TIMED_OUT: _S.UNKNOWN,
    },
    _S.UNKNOWN: {
        **_LIVE_ENDS,
        _R.ACKNOWLEDGED: _S.ACCEPTED,
        _R.PARTIAL_FILL: _S.PARTIALLY_FILLED,
        _R.REJECTED: _S.REJECTED,
        _R.TIMED_OUT: _S.UNKNOWN,
        _R.CANCEL_SENT: _S.UNKNOWN,  # Cancelling an unknown order is always safe, and proves nothing.
        _R.PROVED_ABSENT: _S.REJECTED,
    },
    # A terminal order may still receive fills that its end overtook; they add, and never reopen it (I7). A message
    # that says again what is known, or that nothing is known, changes nothing.
    _S.FILLED: {_R.ACKNOWLEDGED: _S.FILLED, _R.CANCEL_SENT: _S.FILLED, _R.TIMED_OUT: _S.FILLED},
    _S.CANCELED: {
        _R.ACKNOWLEDGED: _S.CANCELED,
        _R.TIMED_OUT: _S.CANCELED,
        _R.CANCELED: _S.CANCELED,
        _R.PARTIAL_FILL: _S.CANCELED,
        _R.FINAL_FILL: _S.FILLED,
    },
    _S.EXPIRED: {
        _R.ACKNOWLEDGED: _S.EXPIRED,
        _R.TIMED_OUT: _S.EXPIRED,
        _R.EXPIRED: _S.EXPIRED,
        _R.PARTIAL_FILL: _S.EXPIRED,
        _R.FINAL_FILL: _S.FILLED,
    },
    _S.REJECTED: {_R.REJECTED: _S.REJECTED, _R.TIMED_OUT: _S.REJECTED},
    _S.DENIED: {},
}
assert set(TRANSITIONS) == set(OrderStatus), "every status has a row"

TERMINAL: Final = frozenset({_S.FILLED, _S.CANCELED, _S.EXPIRED, _S.REJECTED, _S.DENIED})


def next_status(client_order_id: str, status: OrderStatus, report: OrderReport) -> OrderStatus:
    """Return the status after *report*; raise `IllegalTransitionError` on an impossible pair."""
    try:
        return TRANSITIONS[status][report]
    except KeyError:
        raise IllegalTransitionError(client_order_id, status, report) from None
