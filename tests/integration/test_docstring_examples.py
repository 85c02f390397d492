"""Every example in a docstring shows what really happens."""

from __future__ import annotations

import doctest
import importlib

import pytest

from tests.tidy.reading import python_files

WITH_EXAMPLES = [
    file.path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
    for file in python_files("meva_core/", "meva_adapters/")
    if ">>>" in file.text
]


@pytest.mark.parametrize("module", WITH_EXAMPLES)
def test_examples_hold(module: str) -> None:
    """What a reader copies gives what he was told."""
    outcome = doctest.testmod(importlib.import_module(module))

    assert outcome.attempted > 0
    assert 0 == outcome.failed
