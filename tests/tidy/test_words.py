"""No file names the machine it was written on or a package registry, and none says that it is unfinished."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from tests.tidy.reading import Finding, Rule, Source, findings, found_in, text_files

# Each word is written in two halves, so that this file does not find itself.
PLACES = re.compile(
    r"(?<![\w.:~-])/(?:" + r"wo" + r"rk|ro" + r"ot|ho" + r"me|Us" + r"ers)/"
    r"|py" + r"pi\.org|python" + r"hosted|index" + r"-url|https?://\S+/sim" + r"ple\b",
    re.IGNORECASE,
)
UNFINISHED = re.compile(r"\b(?:TO" + r"DO|FIX" + r"ME|XX" + r"X|HA" + r"CK)\b|raise NotImple" + r"mented")
WRITTEN_BY_HAND = (
    ".cfg",
    ".css",
    ".html",
    ".ini",
    ".j2",
    ".js",
    ".md",
    ".py",
    ".sh",
    ".toml",
    ".txt",
    ".yaml",
    ".yml",
)


def names_a_place(source: Source) -> Iterator[Finding]:
    """Find absolute paths of a machine and names of registries."""
    yield from _matches(PLACES, source, "names a place that only one machine knows")


def says_unfinished(source: Source) -> Iterator[Finding]:
    """Find marks of unfinished work; to catch the error of another's unfinished work is no such mark."""
    if not source.path.endswith(WRITTEN_BY_HAND) and "/" in source.path:
        return
    yield from _matches(UNFINISHED, source, "says that it is unfinished")


def _matches(pattern: re.Pattern[str], source: Source, message: str) -> Iterator[Finding]:
    for number, line in enumerate(source.text.splitlines(), start=1):
        if pattern.search(line):
            yield Finding(number, f"{message}: {line.strip()[:60]}")


@pytest.mark.parametrize("rule", [names_a_place, says_unfinished])
def test_no_file_says_what_it_should_not(rule: Rule) -> None:
    """No text file of the project breaks the rule."""
    assert [] == findings(rule, text_files())


@pytest.mark.parametrize(
    "text",
    [
        "path = '/wo" + "rk/x'",
        "see /ro" + "ot/.config",
        "cd /ho" + "me/me/meva",
        "https://py" + "pi.org",
        "--index" + "-url x",
        "http://localhost:3141/sim" + "ple",
    ],
)
def test_a_place_is_found(text: str) -> None:
    """Paths and registries are seen."""
    assert 1 == len(found_in(names_a_place, text, "docs/example.md"))


@pytest.mark.parametrize(
    "text", ["# TO" + "DO: later", "raise NotImple" + "mentedError", "FIX" + "ME", "# XX" + "X"]
)
def test_unfinished_work_is_found(text: str) -> None:
    """Marks of unfinished work are seen."""
    assert 1 == len(found_in(says_unfinished, text))


@pytest.mark.parametrize(
    "text", ["https://example.com/ho" + "me/page", "the work/life", "return NotImple" + "mented", "todos"]
)
def test_innocent_text_passes(text: str) -> None:
    """Addresses, ordinary words and the operator protocol are no findings."""
    assert [] == [*found_in(names_a_place, text), *found_in(says_unfinished, text)]
