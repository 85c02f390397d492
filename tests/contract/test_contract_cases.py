"""Cases are data that can be trusted: ids stay and are unique, and each quotes a sentence that a port really says."""

from __future__ import annotations

import re
from itertools import chain
from pathlib import Path

import pytest

from meva_adapters.contracts.case import Kit
from meva_adapters.contracts.kits import KITS
from tests.contract.contract_page import PAGE, page

ALL = tuple(kit for _, kit in KITS)
SOURCES = ("meva_core/ports", "meva_core/model")
FILES = ("meva_core/events.py", "meva_core/commands.py")


def _words(text: str) -> str:
    return re.sub(r"\s+", " ", text)


def _said() -> str:
    files = chain(map(Path, FILES), *(sorted(Path(folder).glob("*.py")) for folder in SOURCES))
    return _words("\n".join(path.read_text(encoding="utf-8") for path in files))


@pytest.mark.parametrize("kit", ALL, ids=lambda kit: kit.port)
def test_every_case_quotes_what_a_port_says(kit: Kit[object]) -> None:
    """The promise of each case stands word for word in a port, an event or a command."""
    said = _said()

    assert [] == [case.name for case in kit.cases if _words(case.promise) not in said]


@pytest.mark.parametrize("kit", ALL, ids=lambda kit: kit.port)
def test_ids_are_unique_and_every_case_says_what_it_checks(kit: Kit[object]) -> None:
    """An id has two letters and two digits, and belongs to one case, which describes itself."""
    ids = [case.case_id for case in kit.cases]

    assert sorted(set(ids)) == ids
    assert all(re.fullmatch(r"[A-Z]{2}-[0-9]{2}", each) for each in ids)
    assert all(case.check.__doc__ for case in kit.cases)


def test_the_page_lists_every_case_as_it_is() -> None:
    """The page of the contracts is made from the cases; whoever changes one makes it again."""
    assert page() == PAGE.read_text(encoding="utf-8"), "run python -m tests.contract.contract_page"
