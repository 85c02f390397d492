"""Operating costs are booked once, in any currency with a mark, and closed periods stay as they are."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from meva_adapters.storage.cost_file import check_archive
from meva_core.errors import StorageError
from meva_runners.costs import main

HEADER = "id,day,category,currency,amount,mark,note\n"


def meva(directory: Path, command: str, *arguments: str) -> Result:
    """Run `meva costs` on the book in *directory*."""
    return CliRunner().invoke(main, [command, "--book", str(directory / "costs.json"), *arguments])


def add(directory: Path, *arguments: str, day: str = "2026-01-31", currency: str = "USD") -> Result:
    """Book a cost of 10 for data."""
    fixed = ("--reporting", "USD", "--day", day, "--category", "data", "--currency", currency)
    return meva(directory, "add", *fixed, "--amount", "10", *arguments)


def listed(directory: Path, through: str = "2026-04-30") -> dict[str, Any]:
    """Return what the list says."""
    finished = meva(directory, "list", "--json", "--through", through)
    assert 0 == finished.exit_code, finished.stderr
    content: dict[str, Any] = json.loads(finished.stdout)
    return content


def rotate(directory: Path, through: str) -> Result:
    """Close a period."""
    return meva(directory, "rotate", "--through", through, "--archive", str(directory / "archive"))


def test_costs_in_other_currencies_count_at_their_mark(tmp_path: Path) -> None:
    """Ten dollars and ten euros at 1.085 are 20.85 dollars."""
    add(tmp_path)
    add(tmp_path, "--mark", "1.085", currency="EUR")

    assert {"data": "20.850"} == listed(tmp_path)["by_category"]


def test_what_returns_every_month_is_due_on_its_last_day_where_it_is_shorter(tmp_path: Path) -> None:
    """The 31st of January, then the 28th of February, the 31st of March, the 30th of April."""
    assert 0 == add(tmp_path, "--every", "month", "--until", "2026-04-30").exit_code
    days = [cost["day"] for cost in listed(tmp_path, "2026-12-31")["costs"]]

    assert ["2026-01-31", "2026-02-28", "2026-03-31", "2026-04-30"] == days


def test_a_closed_period_is_archived_with_a_checksum_and_its_balance_carried(tmp_path: Path) -> None:
    """Opening and closing balances chain; what is open stays."""
    add(tmp_path, "--every", "month")
    first, second = rotate(tmp_path, "2026-02-28"), rotate(tmp_path, "2026-03-31")
    archives = sorted((tmp_path / "archive").iterdir())
    contents = [json.loads(path.read_bytes()) for path in archives]

    assert (0, 0) == (first.exit_code, second.exit_code), first.stderr + second.stderr
    assert [("0", "20"), ("20", "30")] == [
        (each["period"]["opening"], each["period"]["closing"]) for each in contents
    ]
    assert contents[0]["blake2b"] == contents[1]["period"]["previous_checksum"]
    assert ("30", ["2026-04-30"]) == (
        listed(tmp_path)["carried"],
        [cost["day"] for cost in listed(tmp_path)["costs"]],
    )


def test_a_changed_archive_is_found_out(tmp_path: Path) -> None:
    """One digit is enough."""
    add(tmp_path)
    rotate(tmp_path, "2026-01-31")
    [path] = (tmp_path / "archive").iterdir()
    check_archive(path)
    path.write_bytes(path.read_bytes().replace(b'"closing":"10"', b'"closing":"11"'))

    with pytest.raises(StorageError, match="its checksum is another"):
        check_archive(path)


def test_a_rotation_that_was_cut_off_is_finished_by_the_next(tmp_path: Path) -> None:
    """The archive was written, the book was not: the same command ends it, and books nothing twice."""
    add(tmp_path)
    book = tmp_path / "costs.json"
    before = book.read_bytes()
    rotate(tmp_path, "2026-01-31")
    after = book.read_bytes()
    book.write_bytes(before)

    assert 0 == rotate(tmp_path, "2026-01-31").exit_code
    assert after == book.read_bytes()


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("n,2026-02-01,data,XYZ,5,,", "no mark converts 'XYZ' to USD"),
        ("n,2026-01-31,data,USD,5,,", "closed through 2026-01-31"),
        ("ok,2026-02-01,data,USD,5,,", "cost 'ok' is booked already"),
        ("n,yesterday,data,USD,5,,", "the day 'yesterday'"),
        ("n,2026-02-01,data,USD,NaN,,", "no number"),
        ("n,2026-02-01,data,EUR,5,0,", "no number"),
        ("n,2026-02-01,data,USD", "another length"),
    ],
)
def test_a_table_with_one_bad_row_changes_nothing(tmp_path: Path, row: str, reason: str) -> None:
    """Neither is the good row before it booked; the line is named, the status is 1."""
    add(tmp_path)
    rotate(tmp_path, "2026-01-31")
    before = (tmp_path / "costs.json").read_bytes()
    table = tmp_path / "table.csv"
    table.write_text(f"{HEADER}ok,2026-02-01,data,USD,5,,\n{row}\n")
    finished = meva(tmp_path, "import", str(table))

    assert 1 == finished.exit_code
    assert "table.csv, line 3" in finished.stderr
    assert reason in finished.stderr
    assert before == (tmp_path / "costs.json").read_bytes()


def test_a_table_that_is_imported_twice_is_booked_once(tmp_path: Path) -> None:
    """Rows without a name of their own are known by their content."""
    table = tmp_path / "table.csv"
    table.write_text(f"{HEADER},2026-02-01,data,USD,5,,\n")
    first = meva(tmp_path, "import", str(table), "--reporting", "USD")
    second = meva(tmp_path, "import", str(table))

    assert (0, 1) == (first.exit_code, second.exit_code), first.stderr
    assert "is booked already" in second.stderr
    assert {"data": "5"} == listed(tmp_path)["by_category"]


@pytest.mark.parametrize("through", ["2026-01-31", "2026-01-01"])
def test_a_closed_day_is_not_closed_again(tmp_path: Path, through: str) -> None:
    """The book stays as it is."""
    add(tmp_path)
    rotate(tmp_path, "2026-01-31")
    before = (tmp_path / "costs.json").read_bytes()
    finished = rotate(tmp_path, through)

    assert 1 == finished.exit_code
    assert "is closed already" in finished.stderr
    assert before == (tmp_path / "costs.json").read_bytes()


def test_no_book_and_a_damaged_book_are_told(tmp_path: Path) -> None:
    """Status 1 and one sentence; the damaged file is left alone."""
    missing = meva(tmp_path, "list")
    (tmp_path / "costs.json").write_text("{")
    damaged = add(tmp_path)

    assert (1, 1) == (missing.exit_code, damaged.exit_code)
    assert "does not exist" in missing.stderr
    assert "is no cost book" in damaged.stderr
    assert "{" == (tmp_path / "costs.json").read_text()


@pytest.mark.parametrize("rows", [b"\xff\xfe,1\n", b'"a,2026-01-01,data,USD,1,,never closed\n'])
def test_a_file_that_is_no_csv_is_told(tmp_path: Path, rows: bytes) -> None:
    """One sentence with what to do, and no book is made."""
    table = tmp_path / "bills.csv"
    table.write_bytes(HEADER.encode() + rows)
    finished = meva(tmp_path, "import", str(table), "--reporting", "USD")

    assert 1 == finished.exit_code
    assert "is no CSV file" in finished.stderr
    assert "Nothing was changed" in finished.stderr
    assert not (tmp_path / "costs.json").exists()
