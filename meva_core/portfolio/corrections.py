"""Say which corrections of the ledger are allowed, and make their postings; a booked posting never changes.

What costs were is corrected between the accounts of costs, what is set aside between surplus and reserve. Fills, fees
and transfers are the venue's facts: what is wrong about them is a movement of money, and told as a transfer.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Final

from meva_core.portfolio.ledger_service import PAYABLE, RESERVE, SURPLUS, LedgerEntry, Movement

COSTS: Final = "costs:"
_SET_ASIDE: Final = frozenset({SURPLUS, RESERVE})


def refusal_of_correction(
    cause: str, *, amount: Decimal, source: str, target: str, is_booked: Callable[[str], bool]
) -> str:
    """Return why *amount* may not go from *source* to *target* because of *cause*; empty when it may.

    *is_booked* answers whether a cost or correction of that name is in the books, as far as they remember.
    """
    kind, _, name = cause.partition(":")
    if not amount.is_finite() or amount <= 0:
        return f"{amount} is no positive amount; swap the accounts to go the other way"
    if source == target:
        return f"{source} is both accounts"
    if {source, target} == _SET_ASIDE:
        allowed: tuple[str, ...] = ("reserve", "correction")
    elif all(account == PAYABLE or account.startswith(COSTS) for account in (source, target)):
        allowed = ("cost", "correction")
    else:
        return (
            f"nothing is corrected from {source} to {target}: between {PAYABLE} and {COSTS}CATEGORY, or {SURPLUS} and"
            f" {RESERVE}; money that moved in the account is told as a transfer"
        )
    if kind not in allowed or not name:
        return f"{cause} is none of: {', '.join(f'{each}:NAME' for each in allowed)}"
    if kind != "reserve" and not is_booked(cause):
        return f"{cause} is not in the books"
    return ""


def correction_entry(
    time_ns: int, request_id: str, cause: str, *, asset: str, amount: Decimal, source: str, target: str
) -> LedgerEntry:
    """Return the entry of a correction; it names what it corrects."""
    return LedgerEntry(
        time_ns, f"correction:{request_id}:{cause}", (Movement(asset, amount, source, target),)
    )


def added_cost(amount: Decimal, *, source: str, target: str) -> Decimal:
    """Return by how much *amount* from *source* to *target* raises what was spent; negative where it lowers it.

    >>> added_cost(Decimal(5), source="costs:data", target="payable")
    Decimal('-5')
    """
    return amount * ((source == PAYABLE) - (target == PAYABLE))
