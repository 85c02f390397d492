"""A paper agent drops the market events of long ago from the session that it goes on with."""

from __future__ import annotations

import signal
import time
from pathlib import Path

from meva_adapters.feed.session_tape import SessionTape
from meva_runners.trading.command import loaded
from meva_runners.trading.options import TradingOptions
from tests.integration.runners.test_retention import traded
from tests.sandbox.agent_process import EAGER, run, started, wait_for


def test_what_is_older_than_asked_for_goes_while_it_trades(tmp_path: Path) -> None:
    """Only the checkpoint before the bound and what follows is left, and everything that is left verifies."""
    strategy, values = EAGER[1], tuple(value for value in EAGER[2:] if value != "--set")
    options = TradingOptions(strategies=(strategy,), overrides=values)
    settings = loaded(options, "mode=paper", "exchange.venue=binance")
    path = traded(tmp_path / "session.db", market_kept_ns=None, settings=settings)
    with started("paper", tmp_path, *EAGER, "--set", "runtime.market_days_kept=1") as agent:
        client = agent.controls()
        wait_for(client, lambda status: status["gate"]["state"] == "OPEN" and status["fills"])
        time.sleep(1)  # The steps pause for a twentieth of a second, and are a few.
        assert 0 == agent.end(signal.SIGTERM), agent.errors
    ledger = run("ledger", str(path))

    with SessionTape(path) as tape:
        before, last = tape.beginning()[0], tape.last_sequence
    assert 0 < before < last
    assert f"after the checkpoint of event {before:,}" in agent.verified()
    assert f"follow from the journal after event {before:,}" in ledger.stdout
