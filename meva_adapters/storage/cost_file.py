"""Keep a cost book in one JSON file, replaced whole or not at all; judge no cost.

One writer at a time: a lock on a file beside it. Archives of closed periods carry a BLAKE2b-256 checksum of their
content and that of the archive before them, so a changed or lost period shows.
"""

from __future__ import annotations

import contextlib
import csv
import fcntl
import os
from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal, InvalidOperation
from hashlib import blake2b
from pathlib import Path
from typing import Any, Final

import attrs
import orjson

from meva_core.errors import DataError, StorageError
from meva_core.model.money import plain
from meva_core.portfolio.cost_book import ClosedPeriod, Cost, CostBook, Schedule

COLUMNS: Final = ("id", "day", "category", "currency", "amount", "mark", "note")
EVERY: Final = ("day", "week", "month")


@contextlib.contextmanager
def changing(path: Path, reporting_currency: str) -> Iterator[CostBook]:
    """Give the book at *path*, alone, and write it back when the block ends well; one that fails changes nothing."""
    with path.with_name(path.name + ".lock").open("w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        book = read_book(path, reporting_currency)
        yield book
        _replace(path, orjson.dumps(_plain(attrs.asdict(book)), option=orjson.OPT_INDENT_2))


def read_book(path: Path, reporting_currency: str = "") -> CostBook:
    """Return the book at *path*, an empty one in *reporting_currency* when there is none yet."""
    if not path.exists():
        if reporting_currency:
            return CostBook(reporting_currency)
        raise StorageError(str(path), "does not exist.", "Add a cost with --reporting to begin a book.")
    try:
        raw = orjson.loads(path.read_bytes())
        book = CostBook(
            raw["reporting_currency"],
            raw["closed_through"],
            Decimal(raw["carried"]),
            raw["checksum"],
            [_cost(each) for each in raw["costs"]],
            [Schedule(_cost(each["cost"]), each["every"], each["until"]) for each in raw["schedules"]],
        )
    except (ValueError, KeyError, TypeError, InvalidOperation) as problem:
        raise StorageError(
            str(path), f"is no cost book: {problem}.", "Restore it from a backup."
        ) from problem
    if reporting_currency not in {"", book.reporting_currency}:
        told = f"is kept in {book.reporting_currency}, not in {reporting_currency}."
        raise StorageError(str(path), told, "Nothing was changed.")
    return book


def cost_of(book: CostBook, row: dict[str, str], *, source: str, line: int = 0) -> Cost:
    """Return the cost that *row* (by `COLUMNS`) tells; raise `DataError` naming what is wrong."""
    currency, mark = row["currency"], row["mark"]
    if not mark and currency != book.reporting_currency:
        problem = f"no mark converts {currency!r} to {book.reporting_currency}."
        raise DataError(source, line, problem, "State the mark of the day. Nothing was changed.")
    try:
        day = date.fromisoformat(row["day"]).isoformat()
        amount, price = Decimal(row["amount"]), Decimal(mark or 1)
    except (ValueError, InvalidOperation) as problem:
        told = f"the day {row['day']!r}, the amount {row['amount']!r} or the mark {mark!r} is none."
        raise DataError(source, line, told, "Nothing was changed.") from problem
    if not row["category"]:
        raise DataError(source, line, "a cost has a category.", "Nothing was changed.")
    name = row["id"] or _name(row)
    return Cost(name, day, row["category"], currency, amount, price, row["note"])


def costs_of_csv(book: CostBook, path: Path) -> list[Cost]:
    """Return the costs of a CSV file in UTF-8 whose header is `COLUMNS`."""
    try:
        return _costs_of_csv(book, path)
    except (UnicodeDecodeError, csv.Error) as problem:
        remedy = "Save it as CSV in UTF-8. Nothing was changed."
        raise DataError(str(path), 0, f"is no CSV file: {problem}.", remedy) from problem


def _costs_of_csv(book: CostBook, path: Path) -> list[Cost]:
    with path.open(encoding="utf-8", newline="") as lines:
        rows = csv.DictReader(lines, strict=True)
        if tuple(rows.fieldnames or ()) != COLUMNS:
            raise DataError(str(path), 1, "the header is another.", f"Expected {','.join(COLUMNS)}.")
        found = []
        for line, row in enumerate(rows, start=2):
            if None in row or None in row.values():
                raise DataError(str(path), line, "the row has another length.", "Nothing was changed.")
            found.append(cost_of(book, row, source=str(path), line=line))
        return found


def due_through(book: CostBook, through: str) -> list[Cost]:
    """Return every open cost up to the day *through*, with each occurrence of what recurs, by day."""
    found = [cost for cost in book.costs if cost.day <= through]
    for schedule in book.schedules:
        found += [
            attrs.evolve(schedule.cost, cost_id=f"{schedule.cost.cost_id}@{day}", day=day)
            for day in _occurrences(schedule, through)
            if day > book.closed_through
        ]
    return sorted(found, key=lambda cost: (cost.day, cost.cost_id))


def archive(directory: Path, book: CostBook, period: ClosedPeriod) -> tuple[Path, str]:
    """Write *period* as a file of its own; return it and its checksum.

    One that an interrupted rotation left behind is taken for this one when it is the same, and refused otherwise.
    """
    body = orjson.dumps(_plain(attrs.asdict(period) | {"reporting_currency": book.reporting_currency}))
    checksum = blake2b(body, digest_size=32).hexdigest()
    content = b'{"blake2b":"' + checksum.encode() + b'","period":' + body + b"}\n"
    path = directory / f"costs-through-{period.through}.json"
    if path.exists():
        if path.read_bytes() != content:
            raise StorageError(str(path), "exists with other content.", "Move it away. Nothing was changed.")
    else:
        directory.mkdir(parents=True, exist_ok=True)
        _replace(path, content)
    return path, checksum


def check_archive(path: Path) -> list[Cost]:
    """Return the costs of an archive; raise `StorageError` unless its content has its checksum."""
    try:
        content = orjson.loads(path.read_bytes())
        told, period = content["blake2b"], orjson.dumps(content["period"])
        costs = [_cost(each) for each in content["period"]["costs"]]
    except (ValueError, KeyError, TypeError, InvalidOperation) as problem:
        raise StorageError(str(path), f"is no archive: {problem}.", "Restore it from a backup.") from problem
    if blake2b(period, digest_size=32).hexdigest() != told:
        raise StorageError(str(path), "was changed: its checksum is another.", "Restore it from a backup.")
    return costs


def archived(directory: Path) -> Iterator[Cost]:
    """Yield the costs of every archive in *directory*, each archive checked, the newest period first."""
    for path in sorted(directory.glob("costs-through-*.json"), reverse=True):
        yield from check_archive(path)


def _occurrences(schedule: Schedule, through: str) -> Iterator[str]:
    first = date.fromisoformat(schedule.cost.day)
    last = min(through, schedule.until or through)
    count = 0
    while (day := _stepped(first, schedule.every, count).isoformat()) <= last:
        yield day
        count += 1


def _stepped(first: date, every: str, count: int) -> date:
    if every == "month":
        months = first.month - 1 + count
        year, month = first.year + months // 12, months % 12 + 1
        following = date(year + month // 12, month % 12 + 1, 1)
        # What is due on the 31st is due on the last day of a shorter month.
        return date(year, month, min(first.day, (following - timedelta(days=1)).day))
    return first + timedelta(days=count * (7 if every == "week" else 1))


def _cost(raw: dict[str, Any]) -> Cost:
    return Cost(**raw | {"amount": Decimal(raw["amount"]), "mark": Decimal(raw["mark"])})


def _name(row: dict[str, str]) -> str:
    """Return the same id for the same cost, so that importing a file twice shows."""
    text = "\x1f".join(row[column] for column in COLUMNS[1:])
    return blake2b(text.encode(), digest_size=8).hexdigest()


def _plain(content: Any) -> Any:
    """Return *content* with every Decimal as text in plain notation."""
    match content:
        case Decimal():
            return plain(content)
        case dict():
            return {name: _plain(each) for name, each in content.items()}
        case list() | tuple():
            return [_plain(each) for each in content]
        case _:
            return content


def _replace(path: Path, content: bytes) -> None:
    """Put *content* at *path*, durable, in one step."""
    draft = path.with_name(path.name + ".new")
    with draft.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
