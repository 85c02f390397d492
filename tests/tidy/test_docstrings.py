"""Every module opens with a sentence that says what it decides."""

from __future__ import annotations

import ast
from collections.abc import Iterator

import pytest

from tests.tidy.reading import EVERYWHERE, Finding, Source, findings, found_in, python_files


def missing_docstring(source: Source) -> Iterator[Finding]:
    """Find modules without a docstring, and those whose first line is no sentence."""
    docstring = ast.get_docstring(source.tree)
    if not docstring:
        yield Finding(1, "the module says nothing about itself")
    elif not docstring.splitlines()[0].endswith((".", "?", "!", ":")):
        yield Finding(1, "the first line of the docstring is no whole sentence")


def test_every_module_says_what_it_is() -> None:
    """No Python file of the project is silent about itself."""
    assert [] == findings(missing_docstring, python_files(*EVERYWHERE))


@pytest.mark.parametrize("snippet", ["", "x = 1", '"""half a"""', '"""Breaks off\nin the middle."""'])
def test_silence_is_found(snippet: str) -> None:
    """No docstring, and half a sentence, are seen."""
    assert 1 == len(found_in(missing_docstring, snippet))


def test_a_sentence_passes() -> None:
    """One sentence is enough."""
    assert [] == found_in(missing_docstring, '"""Decide nothing."""')
