"""Replay a session's journal and tell what it earned, by day, symbol and strategy; book nothing."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any, TextIO

import attrs
import orjson
from attrs import frozen

from meva_adapters.clock.day_zone import day_in
from meva_adapters.feed.session_tape import SessionTape
from meva_adapters.reports.terminal import console_for, money_table, printable
from meva_adapters.settings import config_from_json
from meva_core.model.fill import Fill
from meva_core.model.money import plain
from meva_core.ops.log_records import DayClosed, FillBooked
from meva_core.portfolio.trade_results import CostMethod, TradeResults
from meva_runners.composition import compose_agent, instruments_of
from meva_runners.strategy_loading import configured_strategies


@frozen
class SessionResults:
    """Hold the results, the marks at the end by symbol (`None` where none is known), and the days that closed.

    *days* are keyed by their date in the configured zone.
    """

    results: TradeResults
    marks: Mapping[str, Decimal | None]
    days: Mapping[str, DayClosed]
    reporting_currency: str

    def unrealized(self) -> dict[tuple[str, str], Decimal | None]:
        """Return what each (symbol, strategy) would realise at the last mark, in the quote asset."""
        return {
            key: None if self.marks[key[0]] is None else self.results.unrealized(*key, self._mark(key[0]))
            for key in self.results.positions
        }

    def _mark(self, symbol: str) -> Decimal:
        mark = self.marks[symbol]
        assert mark is not None, "asked before"
        return mark


def read_pnl(path: Path, method: CostMethod) -> SessionResults:
    """Return the results of the session at *path*; raise `StorageError` when it cannot be read.

    Where old market events were retired the fills before come from their table, and the days that closed then are left
    out: nothing says any more what everything was worth.
    """
    with SessionTape(path) as tape:
        config = config_from_json(tape.header.config_json)
        before, checkpoint = tape.beginning()
        agent = compose_agent(config, configured_strategies(config), checkpoint=checkpoint)
        day, instruments = day_in(config.day_zone), instruments_of(config)
        results, days = TradeResults(method), dict[str, DayClosed]()

        def take(time_ns: int, strategy: str, fill: Fill) -> None:
            results.add(fill, day=day(time_ns), strategy=strategy, base=instruments[fill.symbol].base)

        for booked in tape.fills(before):
            take(*booked)
        for entry in tape.entries(before):
            for record in agent.handle(entry.event).records:
                if isinstance(record, FillBooked):
                    take(record.time_ns, record.strategy, record.fill)
                elif isinstance(record, DayClosed):
                    days[day(record.day.closed_ns - 1)] = record  # A day ends before the next begins.
        markets = {symbol: agent.path(symbol).market for symbol in instruments}
    marks = {symbol: market.mark if market.last_ticks else None for symbol, market in markets.items()}
    return SessionResults(results, marks, days, config.reporting_currency)


def pnl_json(session: SessionResults) -> str:
    """Return the results as one JSON object; money is text in plain notation."""
    content: Mapping[str, Any] = {
        "reporting_currency": session.reporting_currency,
        "lines": [
            attrs.asdict(key)
            | {
                "realized": plain(line.realized),
                "fees": {asset: plain(fee) for asset, fee in sorted(line.fees.items())},
                "fills": line.fills,
            }
            for key, line in session.results.lines.items()
        ],
        "unrealized": [
            {"symbol": symbol, "strategy": strategy, "amount": None if amount is None else plain(amount)}
            for (symbol, strategy), amount in session.unrealized().items()
        ],
        "days": [
            {"day": day, "closed_ns": each.day.closed_ns}
            | {name: plain(amount) for name, amount in attrs.asdict(each.why).items()}
            for day, each in session.days.items()
        ],
    }
    return orjson.dumps(content).decode()


def print_pnl(session: SessionResults, stream: TextIO) -> None:
    """Write results and days as tables."""
    lines = money_table(
        "day", "symbol", "strategy", "fills", "realised", "fees", title="Results, in quote assets"
    )
    for key, line in session.results.lines.items():
        fees = ", ".join(f"{plain(fee)} {asset}" for asset, fee in sorted(line.fees.items()))
        texts = (key.day, key.symbol, key.strategy, str(line.fills), plain(line.realized), fees)
        lines.add_row(*(printable(text) for text in texts))
    names = ("opening", "price", "fees", "costs", "transfers", "closing")
    title = f"Why equity changed on each closed day, in {session.reporting_currency}"
    days = money_table("day", *names, title=title)
    for day, each in session.days.items():
        days.add_row(day, *(plain(getattr(each.why, name)) for name in names))
    console = console_for(stream)
    console.print(lines, days)
    for (symbol, strategy), amount in session.unrealized().items():
        told = "no mark" if amount is None else plain(amount)
        console.print(f"unrealised {printable(symbol)} {printable(strategy)}: {told}", soft_wrap=True)
