"""Book every movement of money as a balanced double entry, per asset, exactly; value nothing.

Accounts: `venue` (what the venue holds for us), `trading:SYMBOL`, `fees`, `opening`, `transfers`, `costs`.
"""

from __future__ import annotations

from decimal import Decimal

from meva_core.errors import InvariantError
from meva_core.model.fill import Fill
from meva_core.model.market import Side
from meva_core.model.money import ZERO
from meva_core.model.value import value

VENUE = "venue"
FEES = "fees"
OPENING = "opening"
TRANSFERS = "transfers"


@value
class Posting:
    """Add *amount* of *asset* to *account*."""

    account: str
    asset: str
    amount: Decimal


@value
class LedgerEntry:
    """Hold one balanced transaction: its postings sum to zero per asset. *cause* names the event behind it."""

    time_ns: int
    cause: str
    postings: tuple[Posting, ...]


class LedgerService:
    """Keep the running balance of every account and asset."""

    def __init__(self) -> None:
        self._balances: dict[tuple[str, str], Decimal] = {}

    def post(self, entry: LedgerEntry) -> LedgerEntry:
        """Book *entry*; raise `InvariantError` when it does not balance. Call it inside `exact()`."""
        sums: dict[str, Decimal] = {}
        for posting in entry.postings:
            sums[posting.asset] = sums.get(posting.asset, ZERO) + posting.amount
        if any(sums.values()):
            raise InvariantError("a ledger entry sums to zero per asset", f"{entry.cause}: {sums}")
        balances = self._balances
        for posting in entry.postings:
            key = (posting.account, posting.asset)
            balances[key] = balances.get(key, ZERO) + posting.amount
        return entry

    def post_fill(self, time_ns: int, fill: Fill, base: str, quote: str) -> LedgerEntry:
        """Book a fill: base against quote through the symbol's trading account, and its fee."""
        trading = f"trading:{fill.symbol}"
        bought = fill.quantity if fill.side is Side.BUY else -fill.quantity
        paid = fill.price * bought
        postings: tuple[Posting, ...] = (
            Posting(VENUE, base, bought),
            Posting(trading, base, -bought),
            Posting(VENUE, quote, -paid),
            Posting(trading, quote, paid),
        )
        if fill.fee:
            fee = (Posting(VENUE, fill.fee_asset, -fill.fee), Posting(FEES, fill.fee_asset, fill.fee))
            postings += fee
        return self.post(LedgerEntry(time_ns, f"fill:{fill.symbol}:{fill.trade_id}", postings))

    def post_transfer(
        self, time_ns: int, cause: str, *, asset: str, amount: Decimal, against: str = TRANSFERS
    ) -> LedgerEntry:
        """Book money that entered (positive) or left the venue account."""
        postings = (Posting(VENUE, asset, amount), Posting(against, asset, -amount))
        return self.post(LedgerEntry(time_ns, cause, postings))

    def balance(self, account: str, asset: str) -> Decimal:
        """Return what *account* holds of *asset*."""
        return self._balances.get((account, asset), ZERO)

    def balances(self) -> dict[tuple[str, str], Decimal]:
        """Return a copy of all balances by (account, asset)."""
        return dict(self._balances)

    def snapshot(self) -> list[list[object]]:
        """Return the balances as rows of account, asset, amount, sorted."""
        return [[account, asset, amount] for (account, asset), amount in sorted(self._balances.items())]

    def restore(self, rows: list[list[object]]) -> None:
        """Take over the rows that `snapshot` returned."""
        self._balances = {(str(account), str(asset)): Decimal(str(amount)) for account, asset, amount in rows}
