"""Record small replays as sessions, beside the result that the replay itself had; check nothing."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

from meva_adapters.settings import config_digest, config_text
from meva_adapters.storage.sqlite_journal import SqliteSession
from meva_core.config.schema import AppConfig
from meva_core.ops.reporting import ReplayResult
from meva_core.ports.storage import SessionHeader
from meva_runners.composition import instruments_of
from meva_runners.replaying.run import ReplayRun
from meva_runners.run_result import RunFacts
from meva_runners.sessions.recorder import SessionRecorder
from meva_runners.strategy_loading import configured_strategies
from tests.replay.case import config, tapes, write_trades

TRADING = (
    "strategies=[{name: sma_cross, parameters: {fast: 3, slow: 9, quantity: 0.01}}]",
    "execution.latency_ms=150",
)


def settings(*overrides: str) -> AppConfig:
    """Return settings that trade."""
    return config(*TRADING, *overrides)


def recorded(
    path: Path, *, rows: int = 3_000, symbols: int = 2, overrides: tuple[str, ...] = (), close: bool = True
) -> ReplayResult:
    """Replay random walks, record the session at *path*, and return the replay's own result."""
    wanted = settings(*overrides)
    files = [
        write_trades(path.with_name(f"{path.stem}-{number}.csv"), rows=rows, seed=number + 1)
        for number in range(symbols)
    ]
    text = config_text(wanted)
    header = SessionHeader(
        session_id="test",
        mode=wanted.mode.value,
        account=wanted.account,
        config_json=text,
        config_hash=config_digest(text),
        tape_hash="t" * 32,
        seed=wanted.seed,
        program_version="0.1.0",
        started_ns=1_700_000_000_000_000_000,
    )
    session = SqliteSession.create(path, header)
    run = ReplayRun(wanted, configured_strategies(wanted))
    run.record_with(
        SessionRecorder(session, instruments_of(wanted), checkpoint=run.checkpoint, checkpoint_events=10_000)
    )
    run.replay(tapes(wanted, files))
    facts = RunFacts(
        config_hash=header.config_hash, tape_hash=header.tape_hash, source="test", symbols=("BTC/USDT",)
    )
    result = run.result(facts)
    if close:
        session.close([("decision_hash", result.decision_hash), ("state_hash", result.state_hash)])
    else:
        session.abandon()
    return result


def money(text: object) -> Decimal:
    """Return an amount that an output wrote."""
    return Decimal(str(text))
