"""`--record DIR` keeps the market that a session saw: its files replay to the same events that were journaled."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from meva_adapters.feed.frame_recorder import FrameRecorder
from meva_adapters.feed.session_tape import SessionTape
from meva_core.data.replay_loader import ReplayLoader
from meva_core.events import Event, MarketEvent
from tests.contract.tape_files import events_of, instrument, tape_of

MARKETS = (instrument("BTC/USDT"), instrument("ETH/USDT", lot="0.0001"))


def paper(folder: Path, *more: str) -> subprocess.CompletedProcess[str]:
    """Trade on paper for some seconds, recording into *folder*."""
    command = [sys.executable, "-m", "meva_runners.paper", "--no-dashboard", "--record", str(folder), *more]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def market_of(events: list[Event], symbol: str) -> list[Event]:
    """Return what the market of *symbol* did."""
    return [event for event in events if isinstance(event, MarketEvent) and event.symbol == symbol]


@pytest.mark.parametrize("venue", ["binance", "kraken"])
def test_what_was_recorded_is_what_was_journaled(venue: str, tmp_path: Path) -> None:
    """Event by event; only what came while the session was ending is in the recording alone."""
    folder, session = tmp_path / "frames", tmp_path / "session.db"
    done = paper(folder, "--duration", "3s", "--session", str(session), "--like", venue)
    assert 0 == done.returncode, done.stderr
    with SessionTape(session) as tape:
        journaled = list(ReplayLoader().load_events(tape))

    recordings = sorted(folder.glob("*.gz"))
    assert len(MARKETS) == len(recordings)
    for market, path in zip(MARKETS, recordings, strict=True):
        seen = market_of(journaled, market.symbol)
        kept = market_of(list(events_of(tape_of(path, *MARKETS))), market.symbol)
        assert len(seen) > 10
        assert seen == kept[: len(seen)]
        assert len(kept) - len(seen) < 10


def test_a_folder_that_is_recorded_into_is_refused(tmp_path: Path) -> None:
    """One sentence, and nothing is traded."""
    with FrameRecorder(tmp_path, ["BTC/USDT"]):
        done = paper(tmp_path, "--duration", "3s")

    assert 1 == done.returncode
    assert f"Error: {tmp_path}: another process records there\n" == done.stderr
