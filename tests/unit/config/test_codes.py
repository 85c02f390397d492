"""A code means one thing, and a problem says where, what, and what to do."""

from __future__ import annotations

import re

from meva_core.config.codes import MEANINGS, Code, Problem, did_you_mean


def test_every_code_is_documented() -> None:
    """Each code has one meaning, in one sentence."""
    assert list(Code) == list(MEANINGS)
    assert [] == [code for code, meaning in MEANINGS.items() if not re.fullmatch(r"[A-Z].+\.", meaning)]


def test_codes_have_one_form() -> None:
    """People search for `CFG-` and three digits."""
    assert [] == [code for code in Code if not re.fullmatch(r"CFG-\d{3}", code)]


def test_a_problem_takes_three_lines() -> None:
    """Code, key and fault; place; remedy."""
    problem = Problem(
        Code.OUT_OF_RANGE,
        "risk.seed",
        found="-1",
        expected="at least 0",
        remedy="Write 0.",
        place="a.yaml:3:17",
    )

    assert [
        "CFG-106 risk.seed: found -1; expected at least 0",
        "at a.yaml:3:17",
        "Write 0.",
    ] == [line.strip() for line in str(problem).splitlines()]


def test_an_unknown_place_is_left_out() -> None:
    """Without a loader there is no file to name."""
    problem = Problem(Code.MISSING, "", found="nothing", expected="something", remedy="Add it.")

    assert "CFG-101 found nothing; expected something\n    Add it." == str(problem)


def test_a_close_word_is_offered_whatever_its_case() -> None:
    """Capitals are no reason to be misunderstood."""
    assert "Did you mean paper?" == did_you_mean("PAPR", ["replay", "paper"], "No idea.")


def test_a_far_word_is_not_offered() -> None:
    """A wrong offer is worse than none."""
    assert "No idea." == did_you_mean("xyz", ["replay", "paper"], "No idea.")
