"""Write down what the agent claims, in arithmetic of our own; it shares no bookkeeping with the agent.

Claims follow the journal: what was not durable when the process died was never claimed.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from fractions import Fraction
from typing import Final

from attrs import define, field

from meva_core.model.fill import Fill
from meva_core.model.market import Side
from meva_core.model.order import OrderRequest

OPEN_STATUSES: Final = frozenset({"submitted", "accepted", "partially_filled", "pending_cancel", "unknown"})
# The life of an order, written down a second time on purpose: a mistake in the core's table is no agreement.
SUCCESSORS: Final[Mapping[str, frozenset[str]]] = {
    "submitted": frozenset(
        [
            "accepted",
            "partially_filled",
            "filled",
            "canceled",
            "expired",
            "rejected",
            "denied",
            "unknown",
            "pending_cancel",
        ]
    ),
    "accepted": frozenset(["partially_filled", "filled", "canceled", "expired", "pending_cancel"]),
    "partially_filled": frozenset(["filled", "canceled", "expired", "pending_cancel"]),
    "pending_cancel": frozenset(["filled", "canceled", "expired", "rejected", "unknown"]),
    "unknown": frozenset(["accepted", "partially_filled", "filled", "canceled", "expired", "rejected"]),
    "canceled": frozenset(["filled"]),
    "expired": frozenset(["filled"]),
    "filled": frozenset(),
    "rejected": frozenset(),
    "denied": frozenset(),
}


@define
class Claims:
    """Hold the claims so far. Quantities are exact fractions, prices too; *marks* are last prices by symbol."""

    requests: dict[str, OrderRequest] = field(factory=dict)
    keys: dict[str, str] = field(factory=dict)
    statuses: dict[str, str] = field(factory=dict)
    filled: dict[str, Fraction] = field(factory=dict)
    booked: set[tuple[str, str]] = field(factory=set)
    totals: dict[str, Fraction] = field(factory=dict)
    marks: dict[str, Fraction] = field(factory=dict)
    heard_ns: dict[str, int] = field(factory=dict)
    submitted_ns: list[int] = field(factory=list)
    gate: str = "OPEN"
    epoch: int = 0
    killed: bool = False
    paused: bool = False
    user_up: bool = True
    mismatches: int = 0
    sequence: int = 0
    time_ns: int = 0
    peak: Fraction = Fraction(0)
    day_open: Fraction = Fraction(0)
    day: int = 0

    def copy(self) -> Claims:
        """Return an independent copy."""
        return Claims(
            dict(self.requests),
            dict(self.keys),
            dict(self.statuses),
            dict(self.filled),
            set(self.booked),
            dict(self.totals),
            dict(self.marks),
            dict(self.heard_ns),
            list(self.submitted_ns),
            self.gate,
            self.epoch,
            self.killed,
            self.paused,
            self.user_up,
            self.mismatches,
            self.sequence,
            self.time_ns,
            self.peak,
            self.day_open,
            self.day,
        )

    def move(self, asset: str, amount: Decimal) -> None:
        """Add *amount* to what the account holds."""
        self.totals[asset] = self.totals.get(asset, Fraction(0)) + Fraction(amount)

    def book(self, fill: Fill) -> None:
        """Take one fill into orders and money."""
        base, _, quote = fill.symbol.partition("/")
        bought = fill.side is Side.BUY
        quantity, notional = Fraction(fill.quantity), Fraction(fill.price) * Fraction(fill.quantity)
        self.booked.add((fill.symbol, fill.trade_id))
        self.filled[fill.client_order_id] = self.filled.get(fill.client_order_id, Fraction(0)) + quantity
        for asset, amount in (
            (base, quantity if bought else -quantity),
            (quote, -notional if bought else notional),
            (fill.fee_asset, -Fraction(fill.fee)),
        ):
            self.totals[asset] = self.totals.get(asset, Fraction(0)) + amount

    def equity(self, currency: str) -> Fraction:
        """Return what the account is worth at the marks."""
        total = self.totals.get(currency, Fraction(0))
        for symbol, mark in self.marks.items():
            total += self.totals.get(symbol.partition("/")[0], Fraction(0)) * mark
        return total

    def open_names(self) -> list[str]:
        """Return the orders that may still fill."""
        return [name for name, status in self.statuses.items() if status in OPEN_STATUSES]

    def worst_position(self, symbol: str) -> Fraction:
        """Return the largest position on *symbol* that open orders could lead to, unknown ones included."""
        base = symbol.partition("/")[0]
        held = self.totals.get(base, Fraction(0))
        buys = sells = Fraction(0)
        for name in self.open_names():
            request = self.requests[name]
            if request.symbol == symbol:
                rest = Fraction(request.quantity) - self.filled.get(name, Fraction(0))
                if request.side is Side.BUY:
                    buys += rest
                else:
                    sells += rest
        return max(held + buys, sells - held, Fraction(0))
