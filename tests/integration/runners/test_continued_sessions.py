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
    """Its decisions could not be proven any more; the message names each value, old and new, and what to do."""
    with (
        pytest.raises(
            PreflightError, match=r"CFG-152 risk: found other values .*(\n.*)give another --session"
        ) as refused,
        continued_session(store, settings("risk.max_open_orders=1", "risk.max_data_age_ms=900")),
    ):
        pytest.fail("it was opened")

    assert "risk.max_open_orders 20 -> 1" in str(refused.value)
    assert "risk.max_data_age_ms" in str(refused.value)
    assert "max_drawdown_limit" not in str(refused.value)


def test_what_may_be_a_secret_is_named_and_not_shown(tmp_path: Path) -> None:
    """Neither the old reference nor the new one."""
    path = tmp_path / "session.db"
    with new_session(path, settings("exchange.api_secret=env:OLD_PLACE", "exchange.account_id=a")):
        pass
    other = settings("exchange.api_secret=env:NEW_PLACE", "exchange.account_id=b")
    with pytest.raises(PreflightError) as refused, continued_session(path, other):
        pytest.fail("it was opened")

    assert "exchange.api_secret (not shown)" in str(refused.value)
    assert "exchange.account_id a -> b" in str(refused.value)
    assert "PLACE" not in str(refused.value)


def test_what_was_added_and_what_was_left_out_are_named(tmp_path: Path) -> None:
    """A market with each of its values, and nothing that is taken over from the session."""
    path = tmp_path / "session.db"
    rules = "tick_size: 0.01, lot_size: 0.00001, min_quantity: 0.00001, min_notional: 5"
    one, two, three = (f"{{symbol: {symbol}, {rules}}}" for symbol in ("BTC/USDT", "ETH/USDT", "SOL/USDT"))
    with new_session(path, settings(f"exchange.instruments=[{one}, {two}]")):
        pass
    more = settings(f"exchange.instruments=[{one}, {two}, {three}]", "exchange.balances={USDT: 5}")
    with pytest.raises(PreflightError) as added, continued_session(path, more):
        pytest.fail("it was opened")
    with (
        pytest.raises(PreflightError) as left_out,
        continued_session(path, settings(f"exchange.instruments=[{one}]")),
    ):
        pytest.fail("it was opened")

    assert "exchange.instruments.2.symbol nothing -> SOL/USDT" in str(added.value)
    assert "balances" not in str(added.value)
    assert "exchange.instruments.1.symbol ETH/USDT -> nothing" in str(left_out.value)


def test_what_decides_nothing_may_change(store: Path) -> None:
    """The port of the controls is nobody's decision."""
    with continued_session(store, settings("controls.port=0")) as (session, opened):
        found = session.header.mode, opened.config.controls.port

    assert ("paper", 0) == found
