"""Derive an order's names from the decision behind it: same decision, same names, never another's (S1)."""

from __future__ import annotations

from hashlib import blake2b
from typing import Final

from meva_core.model.order import OrderRequest, TradeIntent

_DIGITS: Final = "0123456789abcdefghijklmnopqrstuvwxyz"
# The last two digits of a number, looked up: most names differ from the one before in them alone.
_PAIRS: Final = [first + second for first in _DIGITS for second in _DIGITS]
_PREFIX_DIGITS: Final = 6
_TAG_DIGITS: Final = 2
# Kraken allows 18 characters, Binance 36 (venue documentation, "client order id").
_SEQUENCE_DIGITS: Final = 8
CLIENT_ORDER_ID_LENGTH: Final = _PREFIX_DIGITS + 2 * _TAG_DIGITS + _SEQUENCE_DIGITS


def idem_key(intent: TradeIntent) -> str:
    """Return the idempotency key: strategy, symbol and decision number, never time or randomness."""
    return f"{intent.strategy}:{intent.symbol}:{intent.decision}"


def payload_hash(order: TradeIntent | OrderRequest) -> str:
    """Return a digest of everything that the order would say; equal keys must have equal payloads."""
    text = (
        f"{order.symbol}|{order.side}|{order.type}|{order.time_in_force}|{order.quantity:f}|"
        f"{order.limit_price}|{order.post_only}|{order.reduce_only}"
    )
    return blake2b(text.encode(), digest_size=8).hexdigest()


class ClientOrderIds:
    """Name orders `prefix strategy symbol decision`, in 18 lower-case letters and digits.

    The prefix marks the orders of one agent on one account (invariants I17, F5), the next four characters
    the strategy and the symbol that own it; the decision number alone makes it unique.
    """

    def __init__(self, agent: str, account: str) -> None:
        self.prefix = _tag(f"{agent}\x00{account}", _PREFIX_DIGITS)
        # All but the last two digits of a name, by owner, for the decisions that share them.
        self._beginnings: dict[tuple[str, str], str] = {}
        self._high = -1

    def name(self, intent: TradeIntent) -> str:
        """Return the client order id of *intent*."""
        high, low = divmod(intent.decision, len(_PAIRS))
        if high != self._high:
            self._high = high
            self._beginnings.clear()
        owner = (intent.strategy, intent.symbol)
        beginning = self._beginnings.get(owner)
        if beginning is None:
            digits = f"{_base36(high):0>{_SEQUENCE_DIGITS - 2}}"
            beginning = self._beginnings[owner] = self.owner_tag(*owner) + digits
        return beginning + _PAIRS[low]

    def owner_tag(self, strategy: str, symbol: str) -> str:
        """Return the characters with which all orders of *strategy* on *symbol* begin."""
        return f"{self.prefix}{_tag(strategy, _TAG_DIGITS)}{_tag(symbol, _TAG_DIGITS)}"

    def owns(self, client_order_id: str) -> bool:
        """Return whether an order carries this agent's and account's prefix."""
        return client_order_id.startswith(self.prefix) and len(client_order_id) == CLIENT_ORDER_ID_LENGTH


def _tag(text: str, digits: int) -> str:
    number = int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "big")
    return f"{_base36(number % 36**digits):0>{digits}}"


def _base36(number: int) -> str:
    text = ""
    while number:
        number, digit = divmod(number, 36)
        text = _DIGITS[digit] + text
    return text or "0"
