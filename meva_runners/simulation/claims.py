"""Write down what the agent claims, in arithmetic of our own; it shares no bookkeeping with the agent.

Claims follow the journal: what was not durable when the process died was never claimed.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
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
# Amounts are counted in units of 10 ** -12, prices in 10 ** -6, values in 10 ** -18: whole numbers, so exact.
_AMOUNT_DECIMALS: Final = 12
_PRICE_DECIMALS: Final = 6


def units(amount: Decimal) -> int:
    """Return *amount* in its units."""
    return _whole(amount, _AMOUNT_DECIMALS)


def price_units(price: Decimal) -> int:
    """Return *price* in its units."""
    return _whole(price, _PRICE_DECIMALS)


def value_units(value: Decimal) -> int:
    """Return *value*, an amount times a price, in its units."""
    return _whole(value, _AMOUNT_DECIMALS + _PRICE_DECIMALS)


def _whole(number: Decimal, decimals: int) -> int:
    scaled = number.scaleb(decimals)
    whole = int(scaled)
    if whole != scaled:
        message = f"{number} has more than {decimals} decimals"
        raise ValueError(message)
    return whole


@define
class Claims:
    """Hold the claims so far, in units; *marks* are last prices by symbol, *peak* and *day_open* are values.

    *totals* are what the account holds by asset, *positions* what the agent's own fills made by symbol.
    """

    requests: dict[str, OrderRequest] = field(factory=dict)
    keys: dict[str, str] = field(factory=dict)
    statuses: dict[str, str] = field(factory=dict)
    filled: dict[str, int] = field(factory=dict)
    booked: set[tuple[str, str]] = field(factory=set)
    totals: dict[str, int] = field(factory=dict)
    positions: dict[str, int] = field(factory=dict)
    marks: dict[str, int] = field(factory=dict)
    heard_ns: dict[str, int] = field(factory=dict)
    submitted_ns: list[int] = field(factory=list)
    decided_ns: dict[str, int] = field(factory=dict)
    gate: str = "OPEN"
    epoch: int = 0
    killed: bool = False
    paused: bool = False
    user_up: bool = True
    mismatches: int = 0
    sequence: int = 0
    time_ns: int = 0
    peak: int = 0
    day_open: int = 0
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
            dict(self.positions),
            dict(self.marks),
            dict(self.heard_ns),
            list(self.submitted_ns),
            dict(self.decided_ns),
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
        self.totals[asset] = self.totals.get(asset, 0) + units(amount)

    def book(self, fill: Fill) -> None:
        """Take one fill into orders and money."""
        base, _, quote = fill.symbol.partition("/")
        bought = fill.side is Side.BUY
        quantity, notional = units(fill.quantity), units(fill.price * fill.quantity)
        self.booked.add((fill.symbol, fill.trade_id))
        self.filled[fill.client_order_id] = self.filled.get(fill.client_order_id, 0) + quantity
        net = quantity if bought else -quantity
        if fill.fee_asset == base:
            net -= units(fill.fee)
        self.positions[fill.symbol] = self.positions.get(fill.symbol, 0) + net
        for asset, amount in (
            (base, quantity if bought else -quantity),
            (quote, -notional if bought else notional),
            (fill.fee_asset, -units(fill.fee)),
        ):
            self.totals[asset] = self.totals.get(asset, 0) + amount

    def equity(self, currency: str) -> int:
        """Return what the account is worth at the marks."""
        total = self.totals.get(currency, 0) * 10**_PRICE_DECIMALS
        for symbol, mark in self.marks.items():
            total += self.totals.get(symbol.partition("/")[0], 0) * mark
        return total

    def open_names(self) -> list[str]:
        """Return the orders that may still fill."""
        return [name for name, status in self.statuses.items() if status in OPEN_STATUSES]

    def worst_position(self, symbol: str) -> int:
        """Return the largest position on *symbol* that open orders could lead to, unknown ones included."""
        held = self.positions.get(symbol, 0)
        buys = sells = 0
        for name in self.open_names():
            request = self.requests[name]
            if request.symbol == symbol:
                rest = units(request.quantity) - self.filled.get(name, 0)
                if request.side is Side.BUY:
                    buys += rest
                else:
                    sells += rest
        return max(held + buys, sells - held, 0)
