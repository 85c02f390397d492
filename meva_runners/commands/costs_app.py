"""Do what the command line of costs asks for; know no formula."""

from __future__ import annotations

import asyncio
import sys
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from hashlib import blake2b
from pathlib import Path
from typing import Final

import click
import orjson

from meva_adapters.clock.system import SystemClock
from meva_adapters.controls.client import ControlsClient
from meva_adapters.controls.messages import is_name
from meva_adapters.reports.terminal import console_for, money_table, printable
from meva_adapters.storage.cost_file import (
    archive,
    archived,
    changing,
    cost_of,
    costs_of_csv,
    due_through,
    read_book,
)
from meva_core.errors import DataError
from meva_core.model.market import NS_PER_SECOND
from meva_core.model.money import plain
from meva_core.portfolio.cost_book import Cost, CostBook, Schedule, correction_name
from meva_core.portfolio.treasury_service import TRANSFERS_KEPT as TOLD_MAX

_REASON_MAX: Final = 300  # What the controls take.


def add_cost(path: Path, reporting: str, row: dict[str, str], *, every: str | None, until: str) -> None:
    """Book one cost, or keep a recurring one."""
    with changing(path, reporting) as book:
        cost = cost_of(book, row, source="cost")
        if every is None:
            book.add([cost])
        else:
            book.add_schedule(Schedule(cost, every, _day(until) if until else ""))
    click.echo(f"Booked {cost.cost_id}: {plain(cost.worth)} {book.reporting_currency}.")


def correct_cost(path: Path, name: str, *, amount: str, day: str, reason: str, directory: Path) -> None:
    """Book the difference between what a cost was and what it should have been, as a cost of its own."""
    with changing(path, "") as book:
        wrong, corrections = _found(book, name, _day(day), directory)
        try:
            right = Decimal(amount)
        except InvalidOperation as problem:
            raise DataError("correct", 0, f"{amount!r} is no amount.", "Nothing was changed.") from problem
        correction = book.correct(wrong, corrections, amount=right, day=_day(day), reason=reason)
    told = f"{plain(correction.amount)} {correction.currency} on {correction.day}"
    click.echo(f"Booked {correction.cost_id}: {told}. {name} itself stays as it was booked.")


def _found(book: CostBook, name: str, day: str, directory: Path) -> tuple[Cost, list[Cost]]:
    """Return the cost of that name, and the corrections of it, in the book or in an archive."""
    known = {cost.cost_id: cost for cost in (*archived(directory), *due_through(book, day), *book.costs)}
    if name not in known:
        problem = f"no cost {name!r} is in the book up to {day}, nor in an archive of {directory}."
        raise DataError(
            "correct", 0, problem, "The list and the archives name every cost. Nothing was changed."
        )
    prefix = correction_name(name)
    corrections = [cost for cost_id, cost in known.items() if cost_id.rpartition("@")[0] == prefix]
    return known[name], corrections


def tell_costs(path: Path, through: str, *, url: str, tokens: Path) -> None:
    """Tell a running agent of every open cost; one that it has booked already is passed over."""
    book = read_book(path)
    costs = due_through(book, _day(through) if through else _today())
    if len(costs) > TOLD_MAX:
        problem = f"{len(costs)} costs are open, more than the {TOLD_MAX} that an agent remembers."
        raise DataError("tell", 0, problem, "Close a period first: meva costs rotate.")
    client = ControlsClient(url=url.rstrip("/"), folder=tokens)
    asyncio.run(_tell(client, costs, book.reporting_currency))
    click.echo(f"Costs that the agent has booked, now or before: {len(costs)}.")


async def _tell(client: ControlsClient, costs: list[Cost], reporting: str) -> None:
    """Tell of each cost in its own currency, at the mark that the book states."""
    agents = (await client.read("status"))["reporting_currency"]
    if agents != reporting:
        problem = f"the agent counts in {agents}, the book in {reporting}."
        raise DataError("tell", 0, problem, "Keep a book for each. Nothing was told.")
    for cost in costs:
        await client.tell_cost(
            _told_name(cost.cost_id),
            reason=printable(f"{cost.day} {cost.note}").strip()[:_REASON_MAX],
            category=cost.category,
            asset=cost.currency,
            amount=plain(cost.amount),
            mark=plain(cost.mark),
        )


def _told_name(cost_id: str) -> str:
    """Return the id under which the agent books a cost: its own, where that is one for the controls."""
    if is_name(cost_id):
        return cost_id
    return f"book-{blake2b(cost_id.encode(), digest_size=8).hexdigest()}"


def import_costs(path: Path, reporting: str, table: Path) -> None:
    """Book every row of a CSV file, or none."""
    with changing(path, reporting) as book:
        costs = costs_of_csv(book, table)
        book.add(costs, source=str(table), first_line=2)
    click.echo(f"Booked {len(costs)} costs.")


def list_costs(path: Path, through: str, *, as_json: bool) -> None:
    """Print what is open up to a day."""
    book = read_book(path)
    costs = due_through(book, _day(through) if through else _today())
    sums = {name: plain(amount) for name, amount in book.by_category(costs).items()}
    if as_json:
        rows = [
            {"id": cost.cost_id, "day": cost.day, "category": cost.category, "currency": cost.currency}
            | {"amount": plain(cost.amount), "mark": plain(cost.mark), "worth": plain(cost.worth)}
            for cost in costs
        ]
        heading = {"reporting_currency": book.reporting_currency, "closed_through": book.closed_through}
        content = heading | {"carried": plain(book.carried), "by_category": sums, "costs": rows}
        click.echo(orjson.dumps(content).decode())
        return
    table = money_table("day", "id", "category", "cost", "mark", book.reporting_currency, title="Open costs")
    for cost in costs:
        amounts = (f"{plain(cost.amount)} {cost.currency}", plain(cost.mark), plain(cost.worth))
        table.add_row(cost.day, *(printable(text) for text in (cost.cost_id, cost.category, *amounts)))
    console = console_for(sys.stdout)
    console.print(table)
    for name, amount in sums.items():
        console.print(f"{printable(name)}: {amount} {book.reporting_currency}", soft_wrap=True)
    console.print(f"carried: {plain(book.carried)} {book.reporting_currency}", soft_wrap=True)


def rotate_costs(path: Path, through: str, directory: Path) -> None:
    """Close a period: its archive is durable before the book lets go of it."""
    day = _day(through)
    if not path.exists():
        read_book(path)
    if day >= _today():
        raise DataError("rotate", 0, f"{day} has not ended yet.", "Close a day that is over.")
    with changing(path, "") as book:
        period = book.close(day, due_through(book, day))
        written, checksum = archive(directory, book, period)
        book.carry(period, checksum)
    told = f"Closed {len(period.costs)} costs through {day} into {written}, checksum {checksum}."
    click.echo(f"{told} Carried: {plain(book.carried)} {book.reporting_currency}.")


def _day(text: str) -> str:
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError as problem:
        raise DataError("day", 0, f"{text!r} is no day.", "Write it as 2026-03-31.") from problem


def _today() -> str:
    return datetime.fromtimestamp(SystemClock().now_ns() // NS_PER_SECOND, UTC).date().isoformat()
