"""Write down what the agent claims, in arithmetic of our own; it shares no bookkeeping with the agent.

Claims follow the journal: what was not durable when the process died was never claimed.
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import copy
from decimal import Decimal
from typing import Any, Final

from attrs import define, field

from meva_core.events import BookChanged
from meva_core.model.fill import Fill
from meva_core.model.instrument import Instrument
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
    "pending_cancel": frozenset(["filled", "canceled", "expired", "rejected", "unknown", "denied"]),
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
_ABSENT: Final = object()


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


# What stands for a moment and is small: copied at every commit. What only grows is taken back step by step instead.
_STANDING: Final = (
    *(
        "totals",
        "positions",
        "marks",
        "heard_ns",
        "submitted_ns",
        "gate",
        "epoch",
        "killed",
        "paused",
        "user_up",
        "compared_ns",
    ),
    *("mismatches", "sequence", "time_ns", "peak", "day_open", "day", "fallen", "halted", "rules", "books"),
)


@define
class Claims:
    """Hold the claims so far, in units; *marks* are last prices by symbol, *peak* and *day_open* are values.

    *totals* are what the account holds by asset, *positions* what the agent's own fills made by symbol. *durable*
    are the orders whose intent was committed, *open* those that may still fill. *books* hold the last update id and
    whether the book follows from a snapshot without a gap and uncrossed.
    """

    requests: dict[str, OrderRequest] = field(factory=dict)
    keys: dict[str, str] = field(factory=dict)
    statuses: dict[str, str] = field(factory=dict)
    open: dict[str, None] = field(factory=dict)
    filled: dict[str, int] = field(factory=dict)
    booked: dict[tuple[str, str], None] = field(factory=dict)
    decided_ns: dict[str, int] = field(factory=dict)
    durable: set[str] = field(factory=set)
    totals: dict[str, int] = field(factory=dict)
    positions: dict[str, int] = field(factory=dict)
    marks: dict[str, int] = field(factory=dict)
    heard_ns: dict[str, int] = field(factory=dict)
    submitted_ns: list[int] = field(factory=list)
    gate: str = "OPEN"
    epoch: int = 0
    killed: bool = False
    paused: bool = False
    user_up: bool = True
    compared_ns: int = 0
    mismatches: int = 0
    sequence: int = 0
    time_ns: int = 0
    peak: int = 0
    day_open: int = 0
    day: int = 0
    fallen: bool = False
    halted: dict[str, None] = field(factory=dict)
    rules: dict[str, Instrument] = field(factory=dict)
    books: dict[str, tuple[int, bool]] = field(factory=dict)
    _undo: list[tuple[dict[Any, Any], Any, Any]] = field(factory=list)
    _kept: dict[str, Any] = field(factory=dict)

    def put(self, table: dict[Any, Any], key: Any, value: Any) -> None:
        """Write into one of the tables that grow, so that it can be taken back."""
        self._undo.append((table, key, table.get(key, _ABSENT)))
        table[key] = value

    def drop(self, table: dict[Any, Any], key: Any) -> None:
        """Remove from one of the tables that grow, so that it can be taken back."""
        if key in table:
            self._undo.append((table, key, table.pop(key)))

    def commit(self) -> None:
        """Learn that everything so far is durable."""
        self.durable.update(key for table, key, _ in self._undo if table is self.requests)
        self._undo.clear()
        self._kept = {name: copy(getattr(self, name)) for name in _STANDING}

    def revert(self) -> None:
        """Forget what was not durable."""
        for table, key, before in reversed(self._undo):
            if before is _ABSENT:
                del table[key]
            else:
                table[key] = before
        self._undo.clear()
        for name, value in self._kept.items():
            setattr(self, name, copy(value))

    def see_book(self, change: BookChanged) -> None:
        """Follow the ids of a book, and whether its best prices make sense."""
        last_id, whole = self.books.get(change.symbol, (0, False))
        follows = change.first_update_id <= last_id + 1 <= change.last_update_id
        # A later row of one price replaces an earlier one.
        bids = [price for price, lots in dict(change.bids).items() if lots]
        asks = [price for price, lots in dict(change.asks).items() if lots]
        crossed = bool(bids and asks) and max(bids) >= min(asks)
        whole = (change.snapshot or (whole and follows)) and not crossed
        self.books[change.symbol] = (change.last_update_id, whole)

    def set_status(self, name: str, status: str) -> None:
        """Take the claim that order *name* is in *status*."""
        self.put(self.statuses, name, status)
        if status in OPEN_STATUSES:
            self.put(self.open, name, None)
        else:
            self.drop(self.open, name)

    def move(self, asset: str, amount: Decimal) -> None:
        """Add *amount* to what the account holds."""
        self.totals[asset] = self.totals.get(asset, 0) + units(amount)

    def book(self, fill: Fill) -> None:
        """Take one fill into orders and money."""
        base, _, quote = fill.symbol.partition("/")
        bought = fill.side is Side.BUY
        quantity, notional = units(fill.quantity), units(fill.price * fill.quantity)
        self.put(self.booked, (fill.symbol, fill.trade_id), None)
        self.put(self.filled, fill.client_order_id, self.filled.get(fill.client_order_id, 0) + quantity)
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

    def worst_position(self, symbol: str) -> int:
        """Return the largest position on *symbol* that open orders could lead to, unknown ones included."""
        held = self.positions.get(symbol, 0)
        buys = sells = 0
        for name in self.open:
            request = self.requests[name]
            if request.symbol == symbol:
                rest = units(request.quantity) - self.filled.get(name, 0)
                if request.side is Side.BUY:
                    buys += rest
                else:
                    sells += rest
        return max(held + buys, sells - held, 0)
