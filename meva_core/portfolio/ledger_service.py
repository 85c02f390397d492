"""Book every movement of money as a double entry, exactly; value nothing.

A movement takes an amount out of one account and puts it into another, so an entry that does not balance cannot
be written down. Accounts: `venue` (what the venue holds for us), `trading:SYMBOL`, `fees`, `opening`, `transfers`.
"""

from __future__ import annotations

from decimal import Decimal

from meva_core.model.fill import Fill
from meva_core.model.market import Side
from meva_core.model.money import EXACT, ZERO
from meva_core.model.value import value

VENUE = "venue"
FEES = "fees"
OPENING = "opening"
TRANSFERS = "transfers"


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


class LedgerService:
    """Keep the running balance of every account and asset."""

    def __init__(self) -> None:
        self._accounts: dict[str, dict[str, Decimal]] = {}

    def post(self, entry: LedgerEntry) -> LedgerEntry:
        """Book *entry*. Call it inside `exact()`."""
        for movement in entry.movements:
            asset, amount = movement.asset, movement.amount
            source, target = self._account(movement.source), self._account(movement.target)
            source[asset] = source.get(asset, ZERO) - amount
            target[asset] = target.get(asset, ZERO) + amount
        return entry

    def _account(self, name: str) -> dict[str, Decimal]:
        account = self._accounts.get(name)
        if account is None:
            account = self._accounts[name] = {}
        return account

    def post_fill(self, time_ns: int, fill: Fill, base: str, quote: str) -> LedgerEntry:
        """Book a fill: base against quote through the symbol's trading account, and its fee."""
        trading = f"trading:{fill.symbol}"
        bought = fill.quantity if fill.side is Side.BUY else -fill.quantity
        movements: tuple[Movement, ...] = (
            Movement(base, bought, trading, VENUE),
            Movement(quote, fill.price * bought, VENUE, trading),
        )
        if fill.fee:
            movements = (*movements, Movement(fill.fee_asset, fill.fee, VENUE, FEES))
        return self.post(LedgerEntry(time_ns, f"fill:{fill.symbol}:{fill.trade_id}", movements))

    def post_transfer(
        self, time_ns: int, cause: str, *, asset: str, amount: Decimal, against: str = TRANSFERS
    ) -> LedgerEntry:
        """Book money that entered (positive) or left the venue account."""
        return self.post(LedgerEntry(time_ns, cause, (Movement(asset, amount, against, VENUE),)))

    def balance(self, account: str, asset: str) -> Decimal:
        """Return what *account* holds of *asset*."""
        return self._accounts.get(account, {}).get(asset, ZERO)

    def balances(self) -> dict[tuple[str, str], Decimal]:
        """Return all balances by (account, asset)."""
        return {
            (account, asset): amount
            for account, balances in self._accounts.items()
            for asset, amount in balances.items()
        }

    def snapshot(self) -> list[list[object]]:
        """Return the balances as rows of account, asset, amount, sorted."""
        return [[account, asset, amount] for (account, asset), amount in sorted(self.balances().items())]

    def restore(self, rows: list[list[object]]) -> None:
        """Take over the rows that `snapshot` returned."""
        self._accounts = {}
        for account, asset, amount in rows:
            self._accounts.setdefault(str(account), {})[str(asset)] = Decimal(str(amount))
