"""A wrong cost is corrected by another one, also when its period is closed; the agent hears of each cost once."""

from __future__ import annotations

import asyncio
import sys
from decimal import Decimal
from pathlib import Path

from click.testing import Result

from meva_adapters.storage.cost_file import check_archive
from tests.integration.controls.controls_case import served
from tests.integration.runners.test_costs import HEADER, add, listed, meva, rotate


def correct(directory: Path, name: str, amount: str, *, day: str = "2026-03-02") -> Result:
    """Say what a cost should have been."""
    wish = ("--amount", amount, "--day", day, "--reason", "credit note")
    return meva(directory, "correct", name, *wish, "--archive", str(directory / "archive"))


def costs(directory: Path) -> dict[str, str]:
    """Return the amounts of the open costs."""
    return {cost["id"]: cost["amount"] for cost in listed(directory)["costs"]}


def test_the_difference_is_booked_and_the_cost_stays(tmp_path: Path) -> None:
    """In the currency and at the mark of the cost; a second correction knows of the first."""
    add(tmp_path, "--id", "bill-1", "--mark", "1.1", currency="EUR")
    first, second = correct(tmp_path, "bill-1", "9"), correct(tmp_path, "bill-1", "9.5")
    third = correct(tmp_path, "bill-1", "9.50")

    assert (0, 0) == (first.exit_code, second.exit_code), first.stderr
    assert {
        "bill-1": "10",
        "correction:bill-1@2026-03-02.1": "-1",
        "correction:bill-1@2026-03-02.2": "0.5",
    } == costs(tmp_path)
    assert {"data": "10.45"} == listed(tmp_path)["by_category"]
    assert "bill-1 is 9.5 already" in third.stderr


def test_a_cost_of_a_closed_period_is_corrected_on_an_open_day(tmp_path: Path) -> None:
    """The archive keeps its content and its checksum, and a closed correction counts as well."""
    add(tmp_path, "--id", "bill-1")
    rotate(tmp_path, "2026-02-28")
    [archive] = (tmp_path / "archive").glob("*.json")
    before = archive.read_bytes()
    refused = correct(tmp_path, "bill-1", "8", day="2026-02-28")
    done = correct(tmp_path, "bill-1", "8")
    rotate(tmp_path, "2026-03-31")
    again = correct(tmp_path, "bill-1", "7", day="2026-04-01")

    assert "was closed through 2026-02-28" in refused.stderr
    assert (0, 0) == (done.exit_code, again.exit_code), again.stderr
    assert before == archive.read_bytes()
    assert ["bill-1"] == [cost.cost_id for cost in check_archive(archive)]
    assert {"correction:bill-1@2026-04-01.2": "-1"} == costs(tmp_path)


def test_what_is_nowhere_or_no_number_is_told(tmp_path: Path) -> None:
    """One sentence, and the book as before."""
    add(tmp_path, "--id", "bill-1")
    before = (tmp_path / "costs.json").read_bytes()

    assert "no cost 'bill-2' is in the book" in correct(tmp_path, "bill-2", "8").stderr
    assert "'eight' is no amount" in correct(tmp_path, "bill-1", "eight").stderr
    assert before == (tmp_path / "costs.json").read_bytes()


async def test_a_running_agent_is_told_of_every_open_cost_once(tmp_path: Path) -> None:
    """A book with an import, a recurring cost and a correction, told twice: the agent's day has its sum."""
    table = tmp_path / "bills.csv"
    table.write_text(HEADER + "a b,2026-01-02,data,EUR,100,1.085,\N{SNOWMAN} two words\n", encoding="utf-8")
    meva(tmp_path, "import", str(table), "--reporting", "USDT")
    row = ("--day", "2026-01-31", "--category", "model", "--currency", "USDT", "--amount", "0.1")
    meva(tmp_path, "add", *row, "--every", "day", "--until", "2026-02-04", "--id", "calls")
    correct(tmp_path, "calls@2026-02-01", "0.05", day="2026-02-03")
    async with served(tmp_path) as (desk, client):
        desk.trade()
        options = ("--url", client.url(""), "--tokens", str(client.folder))
        told = [await tell(tmp_path, *options) for _ in range(2)]
        spent = desk.desk.status().treasury.operating_costs_today
        dollars = tmp_path / "dollars"
        dollars.mkdir()
        add(dollars)
        other = await tell(dollars, *options)
        elsewhere = await tell(tmp_path, "--url", "http://127.0.0.1:9", "--tokens", str(client.folder))

    assert [(0, "Costs that the agent has booked, now or before: 7.\n")] * 2 == told
    assert Decimal("108.5") + 5 * Decimal("0.1") - Decimal("0.05") == spent
    assert (1, 1) == (elsewhere[0], other[0])


async def tell(directory: Path, *options: str) -> tuple[int, str]:
    """Run `meva costs tell` in a process of its own; return its status and what it printed."""
    words = ("costs", "tell", "--book", str(directory / "costs.json"), "--through", "2026-03-31", *options)
    program = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "meva_runners.main", *words, stdout=asyncio.subprocess.PIPE
    )
    out, _ = await program.communicate()
    return program.returncode or 0, out.decode()
