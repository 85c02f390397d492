"""An operator learns why any order of the session was sent, from before a restart too, and the agent never waits."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from attrs import define

from meva_adapters.controls.doorkeeper import DoorSettings
from meva_adapters.feed.session_tape import SessionTape
from meva_adapters.storage.look_back import FOUND_MAX
from meva_adapters.storage.sqlite_journal import SqliteSession
from meva_core.agent import operator_view
from meva_core.agent.decision_lines import KINDS
from meva_core.agent.operator_view import OperatorView
from meva_core.errors import StorageError
from meva_core.events import AgentStarted, TradeReceived
from meva_core.model.market import NS_PER_SECOND, Side
from meva_core.ports.storage import JournalEntry, Sight, Wanted
from meva_runners.composition import instruments_of
from meva_runners.sessions.story import told_of
from meva_runners.trading.look_back import LookBack
from tests.integration.controls.controls_case import Client, Desk, served
from tests.integration.controls.test_controls_command import run


async def everything(client: Client, limit: int, kind: str = "") -> list[dict[str, Any]]:
    """Return all decisions, oldest first, asked for page by page."""
    found: list[dict[str, Any]] = []
    before = 0
    while True:
        status, page = await client.get(f"/v1/decisions?before={before}&limit={limit}&kind={kind}")
        assert 200 == status, page
        found = page["decisions"] + found
        before = page["next"]
        if not before:
            return found


async def traded(tmp_path: Path) -> tuple[list[dict[str, Any]], str]:
    """Let a session trade, be killed and end; return what was decided, and the name of its first order."""
    async with served(tmp_path) as (desk, client):
        for _ in range(5):
            desk.trade()
        desk.trade(2_980_000)
        await client.post("/v1/kill")
        _, page = await client.get("/v1/decisions?limit=500")
        lines = page["decisions"]
        return lines, next(line["client_order_id"] for line in lines if line["client_order_id"])


async def test_an_order_from_before_a_restart_is_explained(tmp_path: Path) -> None:
    """The signal, the verdict, the order and what became of it; `meva explain` says the same of the file."""
    lines, name = await traded(tmp_path)
    async with served(tmp_path) as (_, client):
        status, why = await client.get(f"/v1/orders/{name}/why")
    with SessionTape(tmp_path / "session.db") as tape:
        span = tape.history.span_of(name)
        assert span is not None
        told = told_of(tape.history, name, span)

    assert (200, 0) == (status, why["next"])
    assert ["signal", "risk", "submit", "update"] == [line["kind"] for line in why["decisions"]][:4]
    assert [line for line in lines if line["client_order_id"] == name] == [
        line for line in why["decisions"] if line["client_order_id"]
    ]
    assert [line["text"] for line in why["decisions"]] == [line.text for line in told]


async def test_memory_and_journal_say_the_same_in_pages_of_any_size(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Word for word, whole, in order and once each, whatever of it is remembered still."""
    remembered, _ = await traded(tmp_path)
    monkeypatch.setattr(operator_view, "EVENTS_KEPT", 3)
    async with served(tmp_path, door=DoorSettings(requests_per_s=1_000)) as (desk, client):
        read = [await everything(client, limit) for limit in (1, 2, 7, 500)]
        kinds = {kind: await everything(client, 2, kind) for kind in KINDS}
        await client.post("/v1/pause")
        desk.trade()
        newest = await everything(client, 2)

    assert [remembered] * 4 == read
    assert {kind: [line for line in remembered if line["kind"] == kind] for kind in KINDS} == kinds
    assert {"signal", "risk", "submit", "update", "fill", "cancel", "gate", "control"} == {
        kind for kind, lines in kinds.items() if lines
    }
    assert remembered == newest[: len(remembered)]
    assert ["gate", "control", "signal", "refusal"] == [line["kind"] for line in newest[len(remembered) :]]


async def test_a_story_is_paged(tmp_path: Path) -> None:
    """One event at a time, it is the same story."""
    _, name = await traded(tmp_path)
    async with served(tmp_path) as (_, client):
        _, whole = await client.get(f"/v1/orders/{name}/why")
        found: list[dict[str, Any]] = []
        after = 0
        while True:
            _, page = await client.get(f"/v1/orders/{name}/why?limit=1&after={after}")
            found += page["decisions"]
            after = page["next"]
            if not after:
                break

    assert whole["decisions"] == found


async def test_what_is_not_committed_yet_is_told_too(tmp_path: Path) -> None:
    """An order that was decided in this very moment is explained from memory."""
    desk = Desk(tmp_path / "session.db")
    list(desk.process.handle(_trade(desk)))
    [name] = [order.client_order_id for order in desk.desk.status().orders]
    committed = desk.session.span_of(name)
    page = await desk.desk.why(name, after=0, limit=10)
    desk.session.abandon()

    assert committed is None
    assert page is not None
    assert ["signal", "risk", "submit"] == [line.kind for line in page.decisions]


async def test_an_unknown_order_is_said_to_be_unknown(tmp_path: Path) -> None:
    """404 from the API; status 1 and what to do from the command, which prints nothing else."""
    async with served(tmp_path) as (desk, client):
        desk.trade()
        _, listed = await client.get("/v1/orders")
        status, answer = await client.get("/v1/orders/NOPE/why")
        refused = await run(client.url(""), client.folder, "why", "NOPE")
        nameless = await run(client.url(""), client.folder, "why")
        told = await run(client.url(""), client.folder, "why", listed["orders"][0]["client_order_id"])
        page = await run(client.url(""), client.folder, "decisions", "--limit", "1", "--kind", "risk")

    assert 404 == status
    assert "no order of that name" in answer["problem"]
    assert (1, "") == refused[:2]
    assert "meva explain SESSION ORDER" in refused[2]
    assert 2 == nameless[0]
    assert (0, "signal") == (told[0], json.loads(told[1])["decisions"][0]["kind"])
    assert ["risk approved"] == [line["text"] for line in json.loads(page[1])["decisions"]]


@pytest.mark.parametrize(
    "query", ["before=-1", "before=x", "limit=0", "limit=501", "kind=gossip", "after=1", "page=2"]
)
async def test_a_query_that_nobody_understands_is_refused(tmp_path: Path, query: str) -> None:
    """400, with the name of what is wrong."""
    async with served(tmp_path) as (_, client):
        status, answer = await client.get(f"/v1/decisions?{query}")

    assert 400 == status
    assert query.partition("=")[0] in answer["problem"] or "only these" in answer["problem"]


@define
class Journal:
    """Be a session whose disk fails, or one with *rows* rows after an order that is over; count the rows read."""

    inner: SqliteSession
    fails: bool = False
    rows: int = 0
    read: int = 0

    def last_sequence(self) -> int:
        """Return where the journal ends."""
        if self.fails:
            raise StorageError("journal", "fails.", "Look at the disk.")
        return self.inner.last_sequence()

    def span_of(self, name: str) -> Any:
        """Return what the file says."""
        return self.inner.span_of(name)

    def look_back(self, before: int, *, rows_max: int, wanted: Wanted | None = None) -> Sight:
        """Say that nothing was decided in any of these rows, a second each."""
        self.read += rows_max
        return Sight((), before - rows_max, 0)

    def look_for(self, name: str, after: int, *, rows_max: int) -> Sight:
        """Give what the file has, then rows without end, a second each."""
        self.read += rows_max
        sight = self.inner.look_for(name, after, rows_max=rows_max)
        reached = sight.reached or after + rows_max
        return Sight(sight.found, reached, reached * NS_PER_SECOND + START_NS)


START_NS = 1_700_000_000 * NS_PER_SECOND


async def test_a_disk_that_fails_leaves_what_is_remembered(tmp_path: Path) -> None:
    """What nobody remembers is an error then, and no "unknown order"."""
    desk = Desk(tmp_path / "session.db")
    desk.trade()
    [name] = [order.client_order_id for order in desk.desk.status().orders]
    look_back = LookBack(Journal(desk.session, fails=True), desk.view)  # type: ignore[arg-type]
    page = await look_back.why(name, after=0, limit=10)
    with pytest.raises(StorageError):
        await look_back.why("NOPE", after=0, limit=10)
    desk.session.close()

    assert page is not None
    assert ["signal", "risk", "submit", "update"] == [line.kind for line in page.decisions]


async def test_the_story_of_an_order_that_is_over_ends_soon(tmp_path: Path) -> None:
    """Nobody reads on through weeks of rows for it."""
    _, name = await traded(tmp_path)
    desk = Desk(tmp_path / "session.db")
    journal = Journal(desk.session)
    page = await LookBack(journal, _empty(desk)).why(name, after=0, limit=100)  # type: ignore[arg-type]
    desk.session.close()

    assert page is not None
    assert 0 == page.next
    assert journal.read < 3_000


async def test_an_answer_comes_within_its_time_and_says_where_to_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many rows of the journal say nothing."""
    monkeypatch.setattr("meva_runners.trading.look_back.ANSWER_S_MAX", 0.05)
    desk = Desk(tmp_path / "session.db")
    journal = Journal(desk.session)
    page = await LookBack(journal, _empty(desk)).decisions(before=10**9, limit=1, kind="")  # type: ignore[arg-type]
    desk.session.close()

    assert () == page.decisions
    assert 10**9 - journal.read == page.next


def test_one_look_shows_a_few_rows_however_many_are_wanted(tmp_path: Path) -> None:
    """The file is held for those only, and looks that follow each other find every row once, from either end."""
    desk = Desk(tmp_path / "session.db")
    first = desk.session.last_sequence() + 1
    for sequence in range(first, first + 100):
        desk.session.append(JournalEntry(sequence, AgentStarted(sequence), (), (), b""))
    desk.session.commit()
    wanted = Wanted(("AgentStarted",), ())
    back, on = [], []
    sight = desk.session.look_back(first + 100, rows_max=512, wanted=wanted)
    while sight.reached:
        back.append(sight.found)
        sight = desk.session.look_back(sight.reached, rows_max=512, wanted=wanted)
    back.append(sight.found)
    sight = desk.session.look_for("o-1", first - 1, rows_max=512)
    while sight.reached:
        on.append(sight.found)
        sight = desk.session.look_for("o-1", sight.reached, rows_max=512)
    on.append(sight.found)
    desk.session.abandon()
    shown = [row.sequence for rows in reversed(back) for row in rows if row.sequence >= first]

    assert FOUND_MAX == max(map(len, back)) == max(map(len, on))
    assert list(range(first, first + 100)) == shown
    assert shown == [row.sequence for rows in on for row in rows]


async def test_a_changed_row_is_not_shown(tmp_path: Path) -> None:
    """Whoever changes the file changes no explanation: the chain says so."""
    _, name = await traded(tmp_path)
    async with served(tmp_path) as (desk, client):
        desk.session._file.database.conn.execute(
            "UPDATE journal SET decisions = CAST(replace(CAST(decisions AS TEXT), 'always', 'never!') AS BLOB)"
            " WHERE sequence = 1"
        )
        status, answer = await client.get(f"/v1/orders/{name}/why")

    assert 503 == status
    assert "changed, lost or added row at event 1" in answer["problem"]


def _trade(desk: Desk) -> TradeReceived:
    desk.now_ns += NS_PER_SECOND
    return TradeReceived(desk.now_ns, "BTC/USDT", 3_000_000, 1_000, Side.SELL)


def _empty(desk: Desk) -> OperatorView:
    """Return a view that remembers nothing."""
    symbols = tuple(instruments_of(desk.settings))
    return OperatorView(desk.process.agent, name="meva", service="meva", account="main", symbols=symbols)
