"""Find the whole story of one order in its session: the journal says what happened, a replay up to it says why.

The agent is made again from the recorded configuration and driven over the recorded events, so features and the
numbers of every risk check are those of the moment. Where today's strategy decides otherwise, the story says so and
keeps to the journal.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import attrs
import orjson
from attrs import Factory, define

from meva_adapters.exchange.binance.order_line import order_line
from meva_adapters.feed.session_tape import SessionTape
from meva_adapters.reports.figure_text import span_text, time_text
from meva_adapters.settings import config_from_json
from meva_adapters.storage.codec import decode_event, encode_commands
from meva_core.agent.decision_lines import story_goes_on
from meva_core.agent.orchestrator import AgentOrchestrator
from meva_core.agent.outbox import Outcome
from meva_core.commands import PlaceOrder
from meva_core.config.schema import AppConfig
from meva_core.errors import DataError, StorageError
from meva_core.events import Event, OrderFilled, OrderQueryAnswered, VenueStateObserved
from meva_core.model.fill import Fill
from meva_core.ops.log_records import FillBooked, OrderUpdated, SignalDecided
from meva_core.ops.order_story import Chapter, OrderStory, story_table
from meva_core.ops.report import Cell, Unit
from meva_core.ports.controls import DecisionView
from meva_core.ports.storage import History, JournalEntry, OrderSpan
from meva_core.risk.limits_engine import RiskCode, RiskView
from meva_core.risk.risk_checks import RiskCheck, risk_checks
from meva_runners.composition import compose_agent, instruments_of
from meva_runners.sessions.ledger_rows import ledger_rows
from meva_runners.sessions.market import MarketRows
from meva_runners.strategy_loading import configured_strategies

_NEVER: Final = 1 << 63
_WINDOW: Final = 4_096


@define
class _Seen:
    """Gather what the driven agent showed at the events of the order."""

    features: dict[str, float] = Factory(dict)
    checks: tuple[RiskCheck, ...] = ()
    signal: SignalDecided | None = None
    same: bool = True
    market: dict[str, Any] = Factory(dict)
    outcomes: dict[int, Outcome] = Factory(dict)


def explain_order(path: Path, client_order_id: str) -> OrderStory:
    """Return the story of the order; raise `DataError` when the session at *path* holds none of that name."""
    with SessionTape(path) as tape:
        config = config_from_json(tape.header.config_json)
        span = tape.history.span_of(client_order_id)
        sequences = tape.sequences_of(client_order_id, span.sequence) if span else []
        entries = _entries(tape, sequences)
        placed = _placed(entries, client_order_id)
        if span is None or placed is None:
            remedy = "The table of orders in a report lists every name."
            raise DataError(str(path), 0, f"it holds no order {client_order_id!r}.", remedy)
        entry, command = placed
        before, checkpoint = tape.beginning()
        if sequences[0] <= before:
            problem = f"has retired the market events that led to {client_order_id}."
            raise StorageError(tape.source, problem, "Use an archived copy.")
        agent = compose_agent(config, configured_strategies(config), checkpoint=checkpoint)
        seen = _driven(tape, agent, entry, command, sequences, before=before)
        told = told_of(tape.history, client_order_id, span)
        return _story(tape, config, entries, entry, command, seen, told)


def told_of(history: History, client_order_id: str, span: OrderSpan) -> list[DecisionView]:
    """Return the lines that a running agent's `why` gives of the order."""
    told: list[DecisionView] = []
    reached = span.sequence - 1
    while True:
        sight = history.look_for(client_order_id, reached, rows_max=_WINDOW)
        for happening in sight.found:
            told += story_goes_on(client_order_id, told, happening, ended_ns=span.ended_ns)
        if not sight.reached:
            return told
        reached = sight.reached


def _entries(tape: SessionTape, sequences: list[int]) -> list[JournalEntry]:
    return [next(tape.entries(sequence - 1)) for sequence in sequences]


def _placed(entries: list[JournalEntry], name: str) -> tuple[JournalEntry, PlaceOrder] | None:
    for entry in entries:
        for command in entry.commands:
            if isinstance(command, PlaceOrder) and command.request.client_order_id == name:
                return entry, command
    return None


def _driven(
    tape: SessionTape,
    agent: AgentOrchestrator,
    entry: JournalEntry,
    command: PlaceOrder,
    sequences: Sequence[int],
    *,
    before: int,
) -> _Seen:
    """Drive *agent*, as it was after event *before*, over the session up to the last event of the order."""
    seen = _Seen()
    request, decision = command.request, command.approved.intent.decision

    def judged(view: RiskView, broken: list[RiskCode]) -> None:
        if view.intent.decision == decision:
            path = agent.path(request.symbol)
            seen.checks = risk_checks(view, broken)
            seen.features = path.feature_values(request.strategy)
            market = path.market
            seen.market = {
                "last price": f"{market.mark:f}",
                "best bid": f"{market.instrument.price(market.bid_ticks):f}"
                if market.bid_ticks
                else "not fed",
                "best ask": f"{market.instrument.price(market.ask_ticks):f}"
                if market.ask_ticks
                else "not fed",
            }

    agent.services.risk.on_judged = judged
    wanted = set(sequences)
    for sequence, outcome in _outcomes(tape, agent, before, sequences[-1]):
        if sequence in wanted:
            seen.outcomes[sequence] = outcome
        if sequence == entry.sequence:
            seen.same = outcome.decisions == entry.decisions
            signals = [record for record in outcome.records if isinstance(record, SignalDecided)]
            seen.signal = next((record for record in signals if record.decision == decision), None)
            if not seen.same:
                break
    return seen


def _outcomes(
    tape: SessionTape, agent: AgentOrchestrator, before: int, last: int
) -> Iterator[tuple[int, Outcome]]:
    """Yield what follows from every event after *before* up to *last* from which something follows."""
    rows = tape.journal_rows(before)
    row = next(rows, None)
    for sequence, _, handle, arguments in MarketRows(tape, agent, None, 0, _NEVER).one_by_one(before):
        while row is not None and row[0] < sequence and row[0] <= last:
            yield row[0], agent.handle(_event(tape, row))
            row = next(rows, None)
        if sequence > last:
            return
        if handle(*arguments):
            yield sequence, agent.take()
        if row is not None and row[0] == sequence:
            row = next(rows, None)
    while row is not None and row[0] <= last:
        yield row[0], agent.handle(_event(tape, row))
        row = next(rows, None)


def _event(tape: SessionTape, row: tuple[Any, ...]) -> Event:
    return decode_event(row[3], source=f"{tape.source}, event {row[0]}")


def _story(
    tape: SessionTape,
    config: AppConfig,
    entries: list[JournalEntry],
    entry: JournalEntry,
    command: PlaceOrder,
    seen: _Seen,
    told: list[DecisionView],
) -> OrderStory:
    request = command.request
    time_ns = entry.event.time_ns
    note = (
        "" if seen.same else "The strategy of today decides otherwise here; what follows is from the journal."
    )
    chapters = [
        Chapter("In short", table=_in_short(told)),
        Chapter("What was seen", _what_was_seen(entry, seen), note=note),
        Chapter("Signal", _signal(entry, seen)),
        Chapter("Risk checks", table=_checks(seen), note="" if seen.checks else "Not available: see above."),
        Chapter("Intent", _named(attrs.asdict(command.approved.intent, recurse=False))),
        Chapter(
            "Sent",
            (
                *_named(attrs.asdict(request, recurse=False)),
                ("stamp", time_text(command.stamp_ns)),
                ("bytes committed", encode_commands([command]).decode()),
                ("bytes sent", _sent(tape, config, command)),
            ),
            note="The command is committed before anything leaves; the request follows from it, but for the signature.",
        ),
        Chapter("Venue answers", table=_answers(entries, entry, time_ns)),
        Chapter("Fills", table=_fills(entries, request.client_order_id, seen)),
        Chapter("Postings", table=_postings(config, entries, request.client_order_id, seen)),
    ]
    price = "market" if request.limit_price is None else f"limit {request.limit_price:f}"
    headline = (
        f"{request.side.value} {request.quantity:f} {request.symbol} at {price}, decided {time_text(time_ns)} UTC by "
        f"{request.strategy} (decision {command.approved.intent.decision}, event {entry.sequence})"
    )
    return OrderStory(request.client_order_id, headline, tape.source, tuple(chapters))


def _sent(tape: SessionTape, config: AppConfig, command: PlaceOrder) -> str:
    """Return the request that the adapter made of *command*; a session holds no key, so no signature."""
    line = order_line(command, recv_window_ms=config.exchange.recv_window_ms)
    request = f"{line}&signature=... (with the key of the account)"
    sent = {"paper": request, "live": request, "shadow": "nothing: shadow mode sends no order"}
    return sent.get(tape.header.mode, "none: the simulated venue took the command itself")


def _in_short(told: list[DecisionView]) -> Any:
    columns = (
        ("sequence", "Event", Unit.COUNT),
        ("time_ns", "Time (UTC)", Unit.TIME_NS),
        ("kind", "What", Unit.TEXT),
        ("said", "Said", Unit.TEXT),
    )
    rows: list[tuple[Cell, ...]] = [(line.sequence, line.time_ns, line.kind, line.text) for line in told]
    return story_table("in_short", columns, rows)


def _what_was_seen(entry: JournalEntry, seen: _Seen) -> tuple[tuple[str, str], ...]:
    facts = [("event", f"{entry.sequence}: {entry.event!r}")]
    facts += [(name, str(value)) for name, value in seen.market.items()]
    facts += [(f"feature {name}", f"{value!r}") for name, value in seen.features.items()]
    return tuple(facts)


def _signal(entry: JournalEntry, seen: _Seen) -> tuple[tuple[str, str], ...]:
    facts: tuple[tuple[str, str], ...] = ()
    if seen.signal is not None:
        facts = _named(attrs.asdict(seen.signal.signal, recurse=False))
    texts = tuple(("decision text", text) for text in entry.decisions)
    return (*facts, *texts, ("decision hash after it", entry.link.hex()))


def _named(values: dict[str, Any]) -> tuple[tuple[str, str], ...]:
    return tuple((name.replace("_", " "), _word(name, value)) for name, value in values.items())


def _word(name: str, value: Any) -> str:
    if name.endswith("_ns") and isinstance(value, int) and value:
        return time_text(value)
    return "none" if value is None or value == "" else str(value)


def _checks(seen: _Seen) -> Any:
    columns = (
        ("code", "Rule", Unit.TEXT),
        ("passed", "Passed", Unit.YES_NO),
        ("measured", "Measured", Unit.TEXT),
        ("allowed", "Allowed", Unit.TEXT),
    )
    rows: list[tuple[Cell, ...]] = [
        (check.code.value, check.passed, check.measured, check.allowed) for check in seen.checks
    ]
    return story_table("checks", columns, rows)


def _answers(entries: list[JournalEntry], placed: JournalEntry, decided_ns: int) -> Any:
    columns = (
        ("sequence", "Event", Unit.COUNT),
        ("time_ns", "Time (UTC)", Unit.TIME_NS),
        ("after", "After the decision", Unit.TEXT),
        ("kind", "What", Unit.TEXT),
        ("said", "Said", Unit.TEXT),
    )
    rows: list[tuple[Cell, ...]] = []
    for entry in entries:
        if entry.sequence == placed.sequence:
            continue
        event = entry.event
        words = _words(event)
        after = span_text(event.time_ns - decided_ns)
        rows.append((entry.sequence, event.time_ns, after, type(event).__name__, words))
        rows += [
            (entry.sequence, event.time_ns, after, "decision", text)
            for text in entry.decisions
            if placed.commands and text.split(" ", 1)[0] in {"absent", "cancel", "query"}
        ]
    return story_table("answers", columns, rows)


def _words(event: Event) -> str:
    """Return what an event says beside its time, fills in short."""
    said = attrs.asdict(event, recurse=False)
    said.pop("time_ns")
    said.pop("client_order_id", None)
    if isinstance(event, OrderFilled):
        fill = event.fill
        return f"trade {fill.trade_id}: {fill.side.value} {fill.quantity:f} at {fill.price:f}"
    return ", ".join(
        f"{name.replace('_', ' ')} {_word(name, value)}"
        for name, value in said.items()
        if value not in ("", None)
    )


def _fills_in(event: Event, name: str) -> list[Fill]:
    told: tuple[Fill, ...] = (event.fill,) if isinstance(event, OrderFilled) else ()
    if isinstance(event, OrderQueryAnswered | VenueStateObserved):
        told = event.fills
    return [fill for fill in told if fill.client_order_id == name]


def _fills(entries: list[JournalEntry], name: str, seen: _Seen) -> Any:
    columns = (
        ("time_ns", "Time (UTC)", Unit.TIME_NS),
        ("trade_id", "Trade", Unit.TEXT),
        ("price", "Price", Unit.AMOUNT),
        ("quantity", "Quantity", Unit.AMOUNT),
        ("fee", "Fee", Unit.AMOUNT),
        ("fee_asset", "Fee asset", Unit.TEXT),
        ("liquidity", "Liquidity", Unit.TEXT),
        ("realized", "Realised", Unit.MONEY),
        ("slippage_bps", "Slippage", Unit.BPS),
        ("status", "Order then", Unit.TEXT),
    )
    rows: list[tuple[Cell, ...]] = []
    told: set[str] = set()
    for entry in entries:
        for fill in _fills_in(entry.event, name):
            if fill.trade_id in told:
                continue
            told.add(fill.trade_id)
            booked, status = _booked(seen.outcomes.get(entry.sequence), fill)
            rows.append((
                entry.event.time_ns, fill.trade_id, fill.price, fill.quantity, fill.fee, fill.fee_asset,
                fill.liquidity.value, None if booked is None else booked.realized,
                None if booked is None else booked.slippage_bps, status,
            ))  # fmt: skip
    return story_table("fills", columns, rows)


def _booked(outcome: Outcome | None, fill: Fill) -> tuple[FillBooked | None, str | None]:
    booked, status = None, None
    for record in outcome.records if outcome else ():
        if isinstance(record, FillBooked) and record.fill == fill:
            booked = record
        if isinstance(record, OrderUpdated) and record.request.client_order_id == fill.client_order_id:
            status = record.status.value
    return booked, status


def _postings(config: AppConfig, entries: list[JournalEntry], name: str, seen: _Seen) -> Any:
    columns = (
        ("time_ns", "Time (UTC)", Unit.TIME_NS),
        ("cause", "Cause", Unit.TEXT),
        ("account", "Account", Unit.TEXT),
        ("asset", "Asset", Unit.TEXT),
        ("amount", "Amount", Unit.AMOUNT),
    )
    instruments = instruments_of(config)
    rows: list[tuple[Cell, ...]] = []
    for entry in entries:
        outcome = seen.outcomes.get(entry.sequence)
        mine = {f"fill:{fill.symbol}:{fill.trade_id}" for fill in _fills_in(entry.event, name)}
        if outcome is None or not mine:
            continue
        rows += [
            (row.time_ns, row.cause, row.account, row.asset, row.amount)
            for row in ledger_rows(outcome, instruments)
            if row.cause in mine
        ]
    return story_table("postings", columns, rows)


def story_object(story: OrderStory) -> dict[str, Any]:
    """Return *story* as plain values for JSON."""
    return {
        "client_order_id": story.client_order_id,
        "headline": story.headline,
        "source": story.source,
        "chapters": [
            {
                "title": chapter.title,
                "facts": [list(fact) for fact in chapter.facts],
                "rows": [
                    {
                        column.key: None if cell is None else str(cell)
                        for column, cell in zip(chapter.table.columns, row, strict=True)
                    }
                    for row in chapter.table.rows
                ]
                if chapter.table
                else [],
                "note": chapter.note,
            }
            for chapter in story.chapters
        ],
    }


def story_json(story: OrderStory) -> bytes:
    """Return *story* as one JSON object."""
    return orjson.dumps(story_object(story))
