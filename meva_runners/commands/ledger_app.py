"""Show a session's ledger and prove it: replay the journal, and hold every posting against what that books."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, TextIO

import orjson
from attrs import frozen
from rich.table import Table

from meva_adapters.feed.session_tape import SessionTape
from meva_adapters.reports.terminal import console_for, printable
from meva_adapters.settings import config_from_json
from meva_core.config.schema import AppConfig
from meva_core.events import VenueStateObserved
from meva_core.model.market import NS_PER_SECOND
from meva_core.model.money import ZERO, exact, plain
from meva_core.portfolio.ledger_audit import LedgerAudit, LedgerLine, audit, lines_of
from meva_core.portfolio.ledger_service import OPENING, transfer_entry
from meva_core.ports.storage import LedgerRow
from meva_runners.composition import compose_agent, instruments_of
from meva_runners.sessions.ledger_rows import ledger_rows
from meva_runners.strategy_loading import configured_strategies


@frozen
class SessionLedger:
    """Hold the journal of postings, its audit, and the differences of the last comparison with the venue.

    *compared_at* is the event of that comparison, 0 when the session holds none. Postings are held against the journal
    after event *proven_after*: 0, or where market events were retired that of the oldest checkpoint.
    """

    session_id: str
    lines: tuple[LedgerLine, ...]
    audit: LedgerAudit
    compared_at: int
    venue_differences: tuple[str, ...]
    proven_after: int

    @property
    def is_sound(self) -> bool:
        """Return whether every claim holds, the venue's word included."""
        return self.audit.is_sound and not self.venue_differences


def read_ledger(path: Path) -> SessionLedger:
    """Return the proven ledger of the session at *path*; raise `StorageError` when it cannot be read."""
    with SessionTape(path) as tape:
        config = config_from_json(tape.header.config_json)
        openings, booked = _openings(config), [_line(row) for row in tape.ledger()]
        before, checkpoint = tape.beginning()
        replayed = _Replayed(config, checkpoint)
        demanded = list(replayed.run(tape, before))
        # What was booked before is not led to any more; its sums are held against what the account holds.
        earlier = booked[: len(booked) - len(demanded)] if before else []
        lines = [*openings, *booked]
        found = audit(lines, demanded=[*openings, *earlier, *demanded], venue_balances=replayed.balances())
        return SessionLedger(
            tape.header.session_id, tuple(lines), found, replayed.compared_at, replayed.differences, before
        )


class _Replayed:
    """Replay a journal and collect what it books."""

    def __init__(self, config: AppConfig, checkpoint: Mapping[str, Any] | None) -> None:
        self._instruments = instruments_of(config)
        self._agent = compose_agent(config, configured_strategies(config), checkpoint=checkpoint)
        self._booked_ns = 0
        self.compared_at = 0
        self.differences: tuple[str, ...] = ()

    def run(self, tape: SessionTape, before: int) -> Iterator[LedgerLine]:
        """Yield every posting that the journal's events after *before* lead to."""
        for entry in tape.entries(before):
            outcome = self._agent.handle(entry.event)
            if isinstance(entry.event, VenueStateObserved):
                self._compare(entry.sequence, entry.event)
            for row in ledger_rows(outcome, self._instruments):
                self._booked_ns = row.time_ns
                yield _line(row)

    def balances(self) -> dict[str, Decimal]:
        """Return what the account holds after the last event."""
        return {asset: balance.total for asset, balance in self._agent.state().balances.items()}

    def _compare(self, sequence: int, event: VenueStateObserved) -> None:
        """Take the venue's word, unless we booked something while it was under way: then it may be older."""
        if self._booked_ns >= (event.asked_ns or event.time_ns):
            return
        held, told = self.balances(), _totals(event)
        self.compared_at = sequence
        self.differences = tuple(
            f"{asset}: the venue said {told.get(asset, ZERO):f} at event {sequence},"
            f" the ledger {held.get(asset, ZERO):f}"
            for asset in sorted({*told, *held})
            if told.get(asset, ZERO) != held.get(asset, ZERO)
        )


def _totals(event: VenueStateObserved) -> dict[str, Decimal]:
    with exact():
        return {asset: free + locked for asset, free, locked in event.balances}


def _openings(config: AppConfig) -> list[LedgerLine]:
    return lines_of(
        transfer_entry(0, f"opening:{asset}", asset=asset, amount=amount, against=OPENING)
        for asset, amount in config.exchange.balances.items()
    )


def _line(row: LedgerRow) -> LedgerLine:
    return LedgerLine(row.time_ns, row.cause, row.account, row.asset, row.amount)


def ledger_json(ledger: SessionLedger) -> str:
    """Return the ledger as one JSON object; money is text in plain notation."""
    content: Mapping[str, Any] = {
        "session": ledger.session_id,
        "sound": ledger.is_sound,
        "problems": [*ledger.audit.problems, *ledger.venue_differences],
        "venue_compared_at_event": ledger.compared_at,
        "proven_after_event": ledger.proven_after,
        "balances": [
            {"account": account, "asset": asset, "amount": plain(amount)}
            for (account, asset), amount in ledger.audit.balances.items()
        ],
        "postings": [
            {
                "time_ns": line.time_ns,
                "cause": line.cause,
                "account": line.account,
                "asset": line.asset,
                "amount": plain(line.amount),
            }
            for line in ledger.lines
        ],
    }
    return orjson.dumps(content).decode()


def print_ledger(ledger: SessionLedger, stream: TextIO) -> None:
    """Write journal, balances and verdict as tables."""
    console = console_for(stream)
    journal = Table("time (UTC)", "cause", "account", "asset", title=f"Ledger of {ledger.session_id}")
    journal.add_column("amount", justify="right", overflow="fold")
    for line in ledger.lines:
        texts = (line.cause, line.account, line.asset, plain(line.amount))
        journal.add_row(_time(line.time_ns), *(printable(text) for text in texts))
    balances = Table("account", "asset", title="Balances")
    balances.add_column("amount", justify="right", overflow="fold")
    for (account, asset), amount in ledger.audit.balances.items():
        balances.add_row(printable(account), printable(asset), plain(amount))
    console.print(journal, balances)
    for problem in (*ledger.audit.problems, *ledger.venue_differences):
        console.print(f"  problem: {printable(problem)}", soft_wrap=True)
    compared = f"the venue's word at event {ledger.compared_at}" if ledger.compared_at else "the account"
    since = f" after event {ledger.proven_after:,}" if ledger.proven_after else ""
    verdict = (
        f"sum to zero, follow from the journal{since}, and equal {compared}"
        if ledger.is_sound
        else "are NOT sound"
    )
    console.print(f"{ledger.audit.postings:,} postings {verdict}.", soft_wrap=True)


def _time(time_ns: int) -> str:
    if not time_ns:
        return "opening"
    return datetime.fromtimestamp(time_ns // NS_PER_SECOND, UTC).strftime("%Y-%m-%d %H:%M:%S")
