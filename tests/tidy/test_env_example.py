"""The example of an environment names settings that exist, and holds no value."""

from __future__ import annotations

from collections.abc import Iterator
from typing import get_type_hints

import attrs
import pytest

from meva_core.config.schema import AppConfig
from tests.tidy.reading import ROOT


def wrong_lines(text: str) -> Iterator[str]:
    """Find lines that are neither a comment nor the bare name of a setting."""
    for line in text.splitlines():
        name, equals, value = line.partition("=")
        if line and not line.startswith("#") and (not equals or value or not _is_setting(name)):
            yield line


def _is_setting(name: str) -> bool:
    prefix, *keys = name.split("__")
    holder: object = AppConfig
    for key in keys:
        if not (isinstance(holder, type) and attrs.has(holder)):
            return False
        holder = get_type_hints(holder).get(key.lower())
    return prefix == "MEVA" and bool(keys) and holder is not None


def test_the_example_names_settings_alone() -> None:
    """Who copies the example sets what the program really reads."""
    assert [] == list(wrong_lines((ROOT / ".env.example").read_text(encoding="utf-8")))


@pytest.mark.parametrize(
    "line", ["MEVA__RISK__MAX_LUCK=", "MEVA__SEED=7", "API_KEY=", "MEVA__SEED__X=", "words"]
)
def test_a_wrong_line_is_found(line: str) -> None:
    """Unknown settings, values, foreign names and stray words are seen."""
    assert [line] == list(wrong_lines(line))


def test_a_setting_passes() -> None:
    """A known name without a value is right."""
    assert [] == list(wrong_lines("# A comment.\n\nMEVA__SEED=\nMEVA__RISK__DAILY_LOSS_LIMIT=\n"))
