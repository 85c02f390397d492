"""Say what a check found and what to do about it; check nothing."""

from __future__ import annotations

from enum import StrEnum

from attrs import frozen


class Verdict(StrEnum):
    """Tell whether trading may start as far as one check can see."""

    GREEN = "green"
    RED = "red"
    SKIPPED = "skipped"  # Does not apply here, or could not be looked at because of something red.


@frozen
class Finding:
    """Hold what *check* saw. *remedy* is empty unless it is red; neither text ever holds a secret."""

    check: str
    verdict: Verdict
    said: str
    remedy: str = ""


def green(check: str, said: str) -> Finding:
    """Return that *check* found nothing wrong."""
    return Finding(check, Verdict.GREEN, said)


def red(check: str, said: str, remedy: str) -> Finding:
    """Return that *check* found something that must be mended."""
    return Finding(check, Verdict.RED, said, remedy)


def skipped(check: str, why: str) -> Finding:
    """Return that *check* was not made."""
    return Finding(check, Verdict.SKIPPED, why)
