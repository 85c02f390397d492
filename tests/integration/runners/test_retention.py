"""Market events leave a session while its agent trades; what is left is proven from its oldest checkpoint on."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from decimal import Decimal
from pathlib import Path

import pytest
from attrs import evolve

from meva_adapters.contracts.storage_samples import HEADER
from meva_adapters.feed.session_tape import SessionTape
from meva_adapters.settings import LoadedSettings, config_text, load_settings
from meva_adapters.storage.chain import chained
from meva_adapters.storage.codec import encode
from meva_adapters.storage.sqlite_journal import SqliteSession
from meva_core.commands import PlaceOrder
from meva_core.errors import StorageError
from meva_core.events import Event, TradeReceived
from meva_core.model.market import NS_PER_SECOND, Side
from meva_core.portfolio.trade_results import CostMethod
from meva_runners.commands.ledger_app import read_ledger
from meva_runners.commands.pnl_app import read_pnl
from meva_runners.commit_then_act import CommittingAgent
from meva_runners.composition import ConfiguredStrategy, compose_agent, compose_venue, instruments_of
from meva_runners.sessions.header import session_header
from meva_runners.sessions.story import explain_order
from meva_runners.strategy_loading import configured_strategies
from meva_runners.trading.retention import drop_old_market
from tests.integration.runners.live_driver_case import running, until
from tests.integration.runners.test_replay import replay
from tests.integration.test_kill_switch_flow import Always
from tests.replay.case import config

START_NS = 1_700_000_000_000_000_000


async def test_old_market_events_go_while_the_agent_trades(tmp_path: Path) -> None:
    """Orders leave as ever, the file holds what is younger than asked for, and that leads to the same agent."""
    path = tmp_path / "session.db"
    header = evolve(HEADER, config_json=config_text(config()))
    kept_ns = NS_PER_SECOND // 2
    session = SqliteSession.create(path, header, segment_events=256, market_kept_ns=kept_ns)
    async with running(session=session, checkpoint_events=20, commit_interval_ms=10) as (case, task):
        dropping = asyncio.create_task(
            drop_old_market(
                case.driver.spare, session.retire, now_ns=case.clock.now_ns, kept_ns=kept_ns, idle_s=0.05
            )
        )
        for number in range(150):
            case.market.trade(3_000_000 + number)
            await asyncio.sleep(0.01)
        await until(lambda: session._head.retired_sequence)
        dropping.cancel()
        case.driver.stop("the test is over")
        await task
        session.close()
        expected = case.agent.state_hash(), case.agent.decision_hash
        sent = len(case.exchange.sent)

    with SessionTape(path) as tape:
        before, checkpoint = tape.beginning()
        agent = compose_agent(
            config(),
            [ConfiguredStrategy("sma_cross", Always(Decimal(29900), Decimal("0.01")))],
            checkpoint=checkpoint,
        )
        for entry in tape.entries(before):
            outcome = agent.handle(entry.event)
            assert (entry.decisions, entry.link) == (outcome.decisions, outcome.link)
    assert before > 0
    assert sent > 0
    assert expected == (agent.state_hash(), agent.decision_hash)


def orders_of(path: Path, after: int) -> list[tuple[int, str]]:
    """Return event and name of every order after event *after*."""
    with closing(sqlite3.connect(path)) as connection:
        sql = "SELECT sequence, client_order_id FROM orders WHERE sequence > ? ORDER BY sequence"
        return connection.execute(sql, (after,)).fetchall()


@pytest.fixture
def whole(tmp_path: Path) -> Path:
    """Return the closed session of an agent that traded at 600 prices."""
    return traded(tmp_path / "whole.db", market_kept_ns=None)


@pytest.fixture
def retired(tmp_path: Path) -> Path:
    """Return the same session without its oldest market events."""
    return traded(tmp_path / "retired.db", market_kept_ns=NS_PER_SECOND)


def traded(path: Path, *, market_kept_ns: int | None, settings: LoadedSettings | None = None) -> Path:
    """Trade at 600 prices, each order filled at the next, and keep the session at *path*."""
    overrides = (
        "strategies=[{name: sma_cross, parameters: {fast: 2, slow: 5, timeframe: null, quantity: 0.01}}]",
    )
    settings = settings or load_settings("dev", environ={}, overrides=overrides)
    engine = compose_venue(settings.config)
    agent = compose_agent(settings.config, configured_strategies(settings.config))
    header = session_header(settings)
    session = SqliteSession.create(path, header, segment_events=16, market_kept_ns=market_kept_ns)
    process = CommittingAgent(
        agent,
        session,
        instruments=instruments_of(settings.config),
        now_ns=lambda: 0,
        checkpoint_events=100,
    )
    for number in range(1, 601):
        ticks = 6_000_000 + number * 7_919 % 20_011
        trade = TradeReceived(START_NS + number * NS_PER_SECOND, "BTC/USDT", ticks, 1, Side.BUY, number)
        pending: list[Event] = [*engine.on_market(trade), trade]
        while pending:
            for step in process.handle(pending.pop(0)):
                if isinstance(step, PlaceOrder):
                    pending += engine.submit(step.request, trade.time_ns)
        process.commit()
    while market_kept_ns is not None and session.retire(START_NS + 400 * NS_PER_SECOND):
        pass
    agent.finish()
    session.close([("decision_hash", agent.decision_hash), ("state_hash", agent.state_hash())])
    return path


def test_a_session_is_verified_from_its_oldest_checkpoint(retired: Path) -> None:
    """The command says from where, and proves the final hashes of the whole session."""
    verified = replay(str(retired), "--verify")
    with SessionTape(retired) as tape:
        before, last, results = tape.beginning()[0], tape.last_sequence, tape.results()

    assert 0 == verified.returncode, verified.stderr
    assert 300 < before < last
    assert f"after the checkpoint of event {before:,}, up to which market data was retired" in verified.stdout
    assert results["decision_hash"] in verified.stdout


def test_a_checkpoint_of_other_decisions_proves_nothing(retired: Path) -> None:
    """Whoever swaps the oldest checkpoint for one of another run is found."""
    with SessionTape(retired) as tape:
        before, checkpoint = tape.beginning()
    assert checkpoint is not None
    encoded = encode(checkpoint | {"link": b"another"})
    with closing(sqlite3.connect(retired)) as connection, connection:
        connection.execute(
            "UPDATE snapshots SET checkpoint = ?, digest = ? WHERE sequence = ?",
            (encoded, chained(b"", "agent", before, encoded), before),
        )
    verified = replay(str(retired), "--verify")

    assert 1 == verified.returncode
    assert f"has a checkpoint at event {before} of other decisions than the journal's" in verified.stderr


def test_ledger_and_results_outlive_the_market_events(retired: Path, whole: Path) -> None:
    """Every posting and every fill is still there; the ledger is proven from the oldest checkpoint on, and says so."""
    ledgers, results = (
        [read_ledger(path) for path in (whole, retired)],
        [read_pnl(path, CostMethod.FIFO) for path in (whole, retired)],
    )
    with SessionTape(retired) as tape:
        before = tape.beginning()[0]

    assert ledgers[0].lines == ledgers[1].lines
    assert (0, before) == (ledgers[0].proven_after, ledgers[1].proven_after)
    assert ledgers[0].audit == ledgers[1].audit
    assert ledgers[1].is_sound
    assert results[0].results.lines == results[1].results.lines
    assert results[0].unrealized() == results[1].unrealized()


def test_an_order_of_what_is_left_is_explained_as_ever(retired: Path, whole: Path) -> None:
    """Its story is the same to the letter; that of an order before is refused."""
    with SessionTape(retired) as tape:
        before = tape.beginning()[0]
    names = [name for _, name in orders_of(retired, before)]
    first = orders_of(whole, 0)[0][1]

    for name in (names[0], names[-1]):
        stories = [explain_order(path, name) for path in (whole, retired)]
        assert stories[0].headline == stories[1].headline
        assert stories[0].chapters == stories[1].chapters
    with pytest.raises(StorageError, match="has retired the market events"):
        explain_order(retired, first)


def test_a_posting_that_the_journal_does_not_lead_to_is_found(retired: Path) -> None:
    """Also where only a part of the journal can be followed."""
    with closing(sqlite3.connect(retired)) as connection, connection:
        connection.execute("DROP TRIGGER ledger_keeps_its_rows")
        connection.execute("UPDATE ledger SET amount = amount || '1' WHERE id = (SELECT max(id) FROM ledger)")

    assert not read_ledger(retired).is_sound
