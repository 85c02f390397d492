"""Define surplus, reserve, principal and risk budget as formulas, and judge transfers; keep no memory.

All amounts are in the reporting currency. docs/treasury.md works every formula through with numbers.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Final, Self

from attrs import evolve

from meva_core.errors import ConfigError
from meva_core.model.market import NS_PER_SECOND
from meva_core.model.money import EXACT, ZERO, divide_down, quantise_down
from meva_core.model.value import value

MONEY_STEP: Final = Decimal("0.00000001")  # The smallest amount that is set aside or sent.
NS_PER_DAY: Final = 86_400 * NS_PER_SECOND
ROLLING_DAYS: Final = 30


@value
class DaySurplus:
    """Hold what one day left over. *closed_ns* is the moment at which the day ended."""

    closed_ns: int
    result: Decimal
    costs: Decimal
    surplus: Decimal
    accrual: Decimal


@value
class SurplusReport:
    """Hold all that a transfer is judged by.

    *free* is what of the reporting currency no order has reserved. *doubt* says why the books may not be the
    whole truth (an order of unknown outcome, a drift), *pending* which transfer waits; both are empty else.
    *last_transfer_ns* is 0 when there was none.
    """

    time_ns: int
    day: DaySurplus
    rolling_surplus_30d: Decimal
    reserve: Decimal
    equity: Decimal
    free: Decimal
    doubt: str
    pending: str
    last_transfer_ns: int

    def without_pending(self) -> Self:
        """Return the report as it is for the transfer that waits itself."""
        return evolve(self, pending="")


@value
class TreasuryPolicy:
    """Set what may be sent. Shares are fractions of one; *cool_down_days* are days of 24 hours."""

    principal_baseline: Decimal
    reserve_share: Decimal
    min_reserve: Decimal
    max_transfer_share: Decimal
    cool_down_days: int

    def __attrs_post_init__(self) -> None:
        """Raise `ConfigError` for a policy that asks for transfers and could never allow one."""
        if self.max_transfer_share and self.min_reserve and not self.reserve_share:
            problem = (
                f"treasury.min_reserve: found {self.min_reserve:f} with a reserve_share of 0; the reserve could"
                " never reach it, so no transfer could ever be allowed. Set a reserve_share, or no min_reserve."
            )
            raise ConfigError((problem,))


@value
class TransferDecision:
    """Say how much may be sent now; *refusals* hold every reason against it, and then the amount is zero."""

    amount: Decimal
    refusals: tuple[str, ...]

    @property
    def is_allowed(self) -> bool:
        """Return whether something may be sent."""
        return not self.refusals


def day_surplus(closed_ns: int, *, result: Decimal, costs: Decimal, reserve_share: Decimal) -> DaySurplus:
    """Return the surplus of a day: its result after fees, transfers apart, less operating costs.

    The reserve takes *reserve_share* of a surplus, cut down to `MONEY_STEP`, and nothing of a deficit.
    """
    surplus = EXACT.subtract(result, costs)
    share = EXACT.multiply(max(surplus, ZERO), reserve_share)
    return DaySurplus(closed_ns, result, costs, surplus, quantise_down(share, MONEY_STEP))


def rolling_surplus(days: Iterable[DaySurplus]) -> Decimal:
    """Return the sum of the surpluses of *days*."""
    total = ZERO
    for day in days:
        total = EXACT.add(total, day.surplus)
    return total


def is_principal_protected(equity: Decimal, baseline: Decimal) -> bool:
    """Return whether the account is still worth the principal."""
    return equity >= baseline


def protected_budget(current: Decimal, *, configured: Decimal, equity: Decimal, baseline: Decimal) -> Decimal:
    """Return the exposure limit while *equity* is at *baseline* or below: the same share of the configured one.

    It is never above *current*: only an operator raises it. At an equity of nothing it is nothing.
    """
    if equity >= baseline:
        return current
    if not baseline:
        return ZERO  # The account owes money, and nothing was set to protect.
    worth = EXACT.multiply(configured, max(equity, ZERO))
    return min(current, divide_down(worth, baseline, MONEY_STEP))


def evaluate_transfer(report: SurplusReport, policy: TreasuryPolicy) -> TransferDecision:
    """Return how much of the surplus may be sent under *policy*.

    The amount is the least of: the share of the 30 days' surplus; what equity is above principal and
    reserve; what is free in the reporting currency. It is cut down to `MONEY_STEP`.
    """
    kept = EXACT.add(policy.principal_baseline, max(report.reserve, policy.min_reserve))
    above = EXACT.subtract(report.equity, kept)
    share = EXACT.multiply(max(report.rolling_surplus_30d, ZERO), policy.max_transfer_share)
    amount = quantise_down(max(min(share, above, report.free), ZERO), MONEY_STEP)
    refusals = tuple(_refusals(report, policy, above=above, amount=amount))
    return TransferDecision(ZERO if refusals else amount, refusals)


def _refusals(
    report: SurplusReport, policy: TreasuryPolicy, *, above: Decimal, amount: Decimal
) -> Iterable[str]:
    if not policy.max_transfer_share:
        yield "the policy sends nothing (max_transfer_share is 0)"
    if report.doubt:
        yield report.doubt
    if report.pending:
        yield f"transfer {report.pending} waits"
    if report.reserve < policy.min_reserve:
        yield f"the reserve {report.reserve:f} is below the least one {policy.min_reserve:f}"
    if report.rolling_surplus_30d <= ZERO:
        yield f"30 days left no surplus ({report.rolling_surplus_30d:f})"
    if above <= ZERO:
        yield f"nothing is above principal and reserve ({above:f})"
    ready_ns = report.last_transfer_ns + policy.cool_down_days * NS_PER_DAY
    if report.last_transfer_ns and report.time_ns < ready_ns:
        yield f"the last transfer is less than {policy.cool_down_days} days ago"
    if not amount:
        yield "there is nothing to send"
