"""Check a written ledger as an auditor does: by its own sums and against what others say; mend nothing.

Three claims, each exact: the postings of every cause sum to zero per asset; what the fills and transfers of the
journal demand is what was posted; the venue account equals the balances that the agent held.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal

from attrs import frozen

from meva_core.model.money import EXACT, ZERO
from meva_core.portfolio.ledger_service import VENUE, LedgerEntry

PROBLEMS_MAX = 20  # More of them say nothing new about a ledger that is wrong.


@frozen
class LedgerLine:
    """Hold one posting as it was written. *cause* names the event behind it."""

    time_ns: int
    cause: str
    account: str
    asset: str
    amount: Decimal


@frozen
class LedgerAudit:
    """Hold balances by (account, asset), sorted, and every claim that does not hold, at most `PROBLEMS_MAX`."""

    postings: int
    balances: Mapping[tuple[str, str], Decimal]
    problems: tuple[str, ...]

    @property
    def is_sound(self) -> bool:
        """Return whether every claim holds."""
        return not self.problems


def lines_of(entries: Iterable[LedgerEntry]) -> list[LedgerLine]:
    """Return the postings of *entries*, in order."""
    return [
        LedgerLine(entry.time_ns, entry.cause, posting.account, posting.asset, posting.amount)
        for entry in entries
        for posting in entry.postings
    ]


def audit(
    lines: Iterable[LedgerLine],
    *,
    demanded: Iterable[LedgerLine] | None = None,
    venue_balances: Mapping[str, Decimal] | None = None,
) -> LedgerAudit:
    """Return the audit of *lines*; what is `None` is not compared.

    *demanded* are the postings that the journal's facts call for. A line that nobody demands is a problem,
    as is one that is missing: so a posting of a closed day that was changed afterwards shows.
    """
    written = list(lines)
    problems = _unbalanced(written)
    balances = _sums(written, lambda line: (line.account, line.asset))
    if demanded is not None:
        problems += _differences(written, list(demanded))
    if venue_balances is not None:
        for asset in sorted({*venue_balances, *(name for account, name in balances if account == VENUE)}):
            booked, held = balances.get((VENUE, asset), ZERO), venue_balances.get(asset, ZERO)
            if booked != held:
                problems.append(f"{asset}: the ledger says {booked:f}, the account holds {held:f}")
    return LedgerAudit(len(written), balances, tuple(problems[:PROBLEMS_MAX]))


def _sums(
    lines: Iterable[LedgerLine], key: Callable[[LedgerLine], tuple[str, str]]
) -> dict[tuple[str, str], Decimal]:
    sums: dict[tuple[str, str], Decimal] = {}
    for line in lines:
        name = key(line)
        sums[name] = EXACT.add(sums.get(name, ZERO), line.amount)
    return dict(sorted(sums.items()))


def _unbalanced(lines: list[LedgerLine]) -> list[str]:
    sums = _sums(lines, lambda line: (line.cause, line.asset))
    return [f"{cause}: postings in {asset} sum to {rest:f}" for (cause, asset), rest in sums.items() if rest]


def _differences(written: list[LedgerLine], demanded: list[LedgerLine]) -> list[str]:
    found, due = _by_cause(written), _by_cause(demanded)
    problems = [f"{cause}: nothing in the journal calls for it" for cause in found if cause not in due]
    for cause, expected in due.items():
        if cause not in found:
            problems.append(f"{cause}: its postings are missing")
        elif sorted(found[cause]) != sorted(expected):
            problems.append(f"{cause}: its postings are not those that the journal calls for")
    return problems


def _by_cause(lines: Iterable[LedgerLine]) -> dict[str, list[tuple[str, str, Decimal]]]:
    causes: dict[str, list[tuple[str, str, Decimal]]] = {}
    for line in lines:
        causes.setdefault(line.cause, []).append((line.account, line.asset, line.amount))
    return causes
