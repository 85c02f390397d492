"""Refuse to start until the venue has confirmed who we are and that nothing is in the way; trade nothing."""

from __future__ import annotations

from collections.abc import Iterator

from meva_core.config.codes import Code, Problem
from meva_core.config.schema import AppConfig
from meva_core.errors import VenueRefusedError, VenueUnknownError
from meva_core.model.market import NS_PER_MS
from meva_core.ports.exchange import AccountFacts, VenueReference
from meva_runners.checkup.finding import Verdict
from meva_runners.checkup.venue import rules_finding
from meva_runners.exit_status import PreflightError


async def confirm_market(config: AppConfig, venue: VenueReference, *, name: str) -> None:
    """Raise `PreflightError` unless the venue answers, its clock is ours and its rules are the configured ones."""
    try:
        offset_ns = (await venue.measure_clock()).offset_ns
    except (VenueRefusedError, VenueUnknownError) as error:
        raise PreflightError(
            f"{name} does not answer: {error}.", "Check its address and the network."
        ) from error
    problems = list(_clock_problems(config, offset_ns))
    if problems:
        raise PreflightError("\n".join(map(str, problems)), "")
    rules = await rules_finding(config, venue)
    if rules.verdict is Verdict.RED:
        raise PreflightError(f"{rules.said}.", rules.remedy)


async def confirm_account(config: AppConfig, venue: VenueReference) -> AccountFacts:
    """Return what the venue says of our key; raise `PreflightError` unless it may be trusted with real money."""
    try:
        facts = await venue.account_facts()
    except (VenueRefusedError, VenueUnknownError) as error:
        remedy = "Check the key, its secret, and its list of allowed addresses."
        raise PreflightError(f"the venue does not confirm the key: {error}.", remedy) from error
    problems = list(_account_problems(config, facts))
    if problems:
        raise PreflightError("\n".join(map(str, problems)), "")
    return facts


def _clock_problems(config: AppConfig, offset_ns: int) -> Iterator[Problem]:
    bound_ms = config.risk.max_clock_offset_ms
    if abs(offset_ns) > bound_ms * NS_PER_MS:
        behind = "behind" if offset_ns > 0 else "ahead of"
        yield Problem(
            Code.CLOCK_OFFSET,
            "",
            found=f"a clock that is {abs(offset_ns) // NS_PER_MS} ms {behind} the venue's",
            expected=f"at most {bound_ms} ms",
            remedy="Fix time synchronisation (chrony or systemd-timesyncd); orders would be refused.",
        )


def _account_problems(config: AppConfig, facts: AccountFacts) -> Iterator[Problem]:
    if facts.account_id != config.exchange.account_id:
        yield Problem(
            Code.WRONG_ACCOUNT,
            "exchange.account_id",
            found=repr(config.exchange.account_id) if config.exchange.account_id else "nothing",
            expected=f"{facts.account_id!r}, the account of this key as the venue says",
            remedy="Write it down if this is the account you mean; otherwise use the other account's key.",
        )
    if facts.can_withdraw:
        yield Problem(
            Code.CAN_WITHDRAW,
            "exchange.api_key",
            found="a key that can withdraw",
            expected="one that cannot",
            remedy="Create a key with trading and reading only.",
        )
    if not facts.can_trade:
        yield Problem(
            Code.WRONG_ACCOUNT,
            "exchange.api_key",
            found="a key that may not trade",
            expected="one that may",
            remedy="Allow spot trading for this key, and nothing more.",
        )
