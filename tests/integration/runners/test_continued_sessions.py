"""A store is continued with the settings that it was begun with, and with no others."""

from __future__ import annotations

from pathlib import Path

import pytest

from meva_adapters.settings import LoadedSettings, load_settings
from meva_runners.exit_status import PreflightError
from meva_runners.trading.sessions import continued_session, new_session


def settings(*overrides: str) -> LoadedSettings:
    """Return settings for paper trading with *overrides*."""
    return load_settings("dev", environ={}, overrides=["mode=paper", *overrides])


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """Return a store that was begun and left."""
    path = tmp_path / "session.db"
    with new_session(path, settings()):
        pass
    return path


def test_other_limits_do_not_continue_a_store(store: Path) -> None:
    """Its decisions could not be proven any more; the message names the section, and what to do."""
    with (
        pytest.raises(
            PreflightError, match=r"CFG-152 risk: found other values .*(\n.*)give another --session"
        ),
        continued_session(store, settings("risk.max_open_orders=1")),
    ):
        pytest.fail("it was opened")


def test_what_decides_nothing_may_change(store: Path) -> None:
    """The port of the controls is nobody's decision."""
    with continued_session(store, settings("controls.port=0")) as (session, opened):
        found = session.header.mode, opened.config.controls.port

    assert ("paper", 0) == found
