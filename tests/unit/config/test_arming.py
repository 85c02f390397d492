"""Real money is armed by words that name account and limits, and by nothing else."""

from __future__ import annotations

import pytest

from meva_core.config.arming import arming_problems, mode_problems, phrase_of
from meva_core.config.schema import Mode
from tests.unit.config.examples import live, valid


def test_the_phrase_says_what_may_be_lost() -> None:
    """Account, largest order and largest daily loss stand in it, as configured."""
    assert "LIVE main 100 50" == phrase_of(live())


@pytest.mark.parametrize("phrase", ["LIVE main 100 50", "LIVE main 100.00 50.0", " LIVE  main 1E+2 50 "])
def test_the_same_amounts_arm_it_however_they_are_written(phrase: str) -> None:
    """Amounts are compared as numbers."""
    assert () == arming_problems(live(), phrase)


@pytest.mark.parametrize(
    "phrase",
    ["", "LIVE", "LIVE main", "LIVE main 100", "LIVE main 100 51", "LIVE main 101 50", "LIVE Main 100 50",
     "live main 100 50", "LIVE main 100 50 yes", "LIVE main all 50", "LIVE main NaN 50"],
)  # fmt: skip
def test_anything_else_is_refused_and_told_what_is_expected(phrase: str) -> None:
    """Every other phrase is a problem with its own code."""
    [problem] = arming_problems(live(), phrase)

    assert "CFG-140" in str(problem)
    assert 'expected --arm "LIVE main 100 50"' in str(problem)


def test_the_mode_must_be_written_down() -> None:
    """A configuration for another mode is refused, one for the mode is not."""
    assert () == mode_problems(live(), Mode.LIVE)
    [problem] = mode_problems(valid(), Mode.LIVE)
    assert "CFG-144 mode: found replay; expected live" in str(problem)
