"""What must type-check does, and what must not does not: an unchecked order is an error before it is a loss."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from mypy import api

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
FOUND = re.compile(r"(?P<file>\w+)\.py:(?P<line>\d+): error: .*\[(?P<kind>[\w-]+)\]$")
EXPECTED = re.compile(r"# refused: (?P<kind>[\w-]+)$")


@pytest.fixture(scope="module")
def found() -> dict[str, list[tuple[int, str]]]:
    """Return the errors of both files, by file, as (line, kind)."""
    errors: dict[str, list[tuple[int, str]]] = {"conforms": [], "refused": []}
    output, problem, _ = api.run(
        [
            "--config-file",
            str(ROOT / "pyproject.toml"),
            "--no-error-summary",
            str(HERE / "conforms.py"),
            str(HERE / "refused.py"),
        ]
    )
    assert not problem, problem
    for line in output.splitlines():
        match = FOUND.search(line)
        if match is not None:
            errors[match["file"]].append((int(match["line"]), match["kind"]))
        else:
            assert ": note: " in line, line
    return errors


def test_every_adapter_is_what_its_port_asks_for(found: dict[str, list[tuple[int, str]]]) -> None:
    """A port that gains a method finds every adapter that lacks it."""
    assert [] == found["conforms"]


def test_what_must_not_type_check_does_not(found: dict[str, list[tuple[int, str]]]) -> None:
    """Exactly the marked lines, each for its reason."""
    lines = (HERE / "refused.py").read_text(encoding="utf-8").splitlines()
    marks = [(number, EXPECTED.search(line)) for number, line in enumerate(lines, start=1)]

    assert [(number, mark["kind"]) for number, mark in marks if mark is not None] == found["refused"]
