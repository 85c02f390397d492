"""Book every movement of money as a double entry, exactly; value nothing.

A movement takes an amount out of one account and puts it into another, so an entry that does not balance cannot
be written down. Accounts: `venue` (what the venue holds for us), `trading:SYMBOL`, `fees`, `opening`, `transfers`,
`costs:CATEGORY` against `payable` (the operator pays operating costs), and `reserve` against `surplus`.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from attrs import Factory, define

from meva_core.errors import InvariantError
from meva_core.model.fill import Fill
from meva_core.model.market import Side
from meva_core.model.money import EXACT, ZERO
from meva_core.model.state import AssetBalance
from meva_core.model.value import value

VENUE = "venue"
FEES = "fees"
OPENING = "opening"
TRANSFERS = "transfers"
PAYABLE = "payable"
SURPLUS = "surplus"
RESERVE = "reserve"

_BUY: Final = Side.BUY


@value
class Movement:
    """Move *amount* of *asset* from *source* to *target*; a negative amount goes the other way."""

    asset: str
    amount: Decimal
    source: str
    target: str


@value
class Posting:
    """Add *amount* of *asset* to *account*."""

    account: str
    asset: str
    amount: Decimal


@value
class LedgerEntry:
    """Hold one transaction. *cause* names the event behind it."""

    time_ns: int
    cause: str
    movements: tuple[Movement, ...]

    @property
    def postings(self) -> tuple[Posting, ...]:
        """Return both sides of every movement; they sum to zero per asset."""
        return tuple(
            posting
            for each in self.movements
            for posting in (
                Posting(each.source, each.asset, EXACT.minus(each.amount)),
                Posting(each.target, each.asset, each.amount),
            )
        )


@define
class _Flow:
    """Sum what the fills of one symbol have moved since it was last posted."""

    base: str
    quote: str
    bought: Decimal = ZERO
    paid: Decimal = ZERO
    fees: dict[str, Decimal] = Factory(dict)


def fill_entry(time_ns: int, fill: Fill, base: str, quote: str) -> LedgerEntry:
    """Return the entry of a fill: base against quote through the symbol's trading account, and its fee."""
    trading = f"trading:{fill.symbol}"
    bought = EXACT.multiply(fill.quantity, fill.side.sign)
    movements: tuple[Movement, ...] = (
        Movement(base, bought, trading, VENUE),
        Movement(quote, EXACT.multiply(fill.price, bought), VENUE, trading),
    )
    if fill.fee:
        movements = (*movements, Movement(fill.fee_asset, fill.fee, VENUE, FEES))
    return LedgerEntry(time_ns, f"fill:{fill.symbol}:{fill.trade_id}", movements)


def transfer_entry(
    time_ns: int, cause: str, *, asset: str, amount: Decimal, against: str = TRANSFERS
) -> LedgerEntry:
    """Return the entry of money that entered (positive) or left the venue account."""
    return LedgerEntry(time_ns, cause, (Movement(asset, amount, against, VENUE),))


def cost_entry(time_ns: int, cost_id: str, *, category: str, asset: str, amount: Decimal) -> LedgerEntry:
    """Return the entry of an operating cost; the venue does not pay it, so it is owed to who does."""
    return LedgerEntry(time_ns, f"cost:{cost_id}", (Movement(asset, amount, PAYABLE, f"costs:{category}"),))


def reserve_entry(time_ns: int, *, asset: str, amount: Decimal) -> LedgerEntry:
    """Return the entry of surplus that a day's close puts into the reserve, in the reporting currency."""
    return LedgerEntry(time_ns, f"reserve:{time_ns}", (Movement(asset, amount, SURPLUS, RESERVE),))


class LedgerService:
    """Keep the running balance of every account and asset.

    Fills are summed up by symbol and posted when somebody looks: exact sums do not care when they are taken.
    """

    def __init__(self) -> None:
        self._accounts: dict[str, dict[str, Decimal]] = {}
        self._flows: dict[str, _Flow] = {}

    def post(self, entry: LedgerEntry) -> None:
        """Book *entry*."""
        for movement in entry.movements:
            self._move(movement.asset, movement.amount, source=movement.source, target=movement.target)

    def post_fill(self, fill: Fill, base: str, quote: str) -> None:
        """Book what `fill_entry` says. Call it inside `exact()`."""
        flow = self._flows.get(fill.symbol)
        if flow is None:
            flow = self._flows[fill.symbol] = _Flow(base, quote)
        quantity, fees, asset = fill.quantity, flow.fees, fill.fee_asset
        if fill.side is _BUY:
            flow.bought += quantity
            flow.paid += fill.price * quantity
        else:
            flow.bought -= quantity
            flow.paid -= fill.price * quantity
        fees[asset] = fees.get(asset, ZERO) + fill.fee

    def balance(self, account: str, asset: str) -> Decimal:
        """Return what *account* holds of *asset*."""
        self._settle()
        return self._accounts.get(account, {}).get(asset, ZERO)

    def balances(self) -> dict[tuple[str, str], Decimal]:
        """Return all balances by (account, asset)."""
        self._settle()
        return {
            (account, asset): amount
            for account, balances in self._accounts.items()
            for asset, amount in balances.items()
        }

    def check(self, balances: dict[str, AssetBalance]) -> None:
        """Raise `InvariantError` unless the venue account equals *balances* to the last digit (I9)."""
        self._settle()
        booked = self._accounts.get(VENUE, {})
        for asset, balance in balances.items():
            if booked.get(asset, ZERO) != balance.total:
                facts = f"{asset}: ledger {booked.get(asset, ZERO)}, balance {balance.total}"
                raise InvariantError("the ledger explains every balance", facts)

    def snapshot(self) -> list[list[object]]:
        """Return the balances as rows of account, asset, amount, sorted."""
        return [[account, asset, amount] for (account, asset), amount in sorted(self.balances().items())]

    def restore(self, rows: list[list[object]]) -> None:
        """Take over the rows that `snapshot` returned."""
        self._accounts, self._flows = {}, {}
        for account, asset, amount in rows:
            self._accounts.setdefault(str(account), {})[str(asset)] = Decimal(str(amount))

    def _settle(self) -> None:
        """Post what the fills have moved since the last time."""
        for symbol, flow in self._flows.items():
            trading = f"trading:{symbol}"
            self._move(flow.base, flow.bought, source=trading, target=VENUE)
            self._move(flow.quote, flow.paid, source=VENUE, target=trading)
            for asset, fee in flow.fees.items():
                self._move(asset, fee, source=VENUE, target=FEES)
        self._flows.clear()

    def _move(self, asset: str, amount: Decimal, *, source: str, target: str) -> None:
        giving, taking = self._accounts.setdefault(source, {}), self._accounts.setdefault(target, {})
        giving[asset] = EXACT.subtract(giving.get(asset, ZERO), amount)
        taking[asset] = EXACT.add(taking.get(asset, ZERO), amount)
