"""An operator tells a running agent of costs, transfers and corrections; each is booked once, with who told and why."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

from meva_adapters.feed.session_tape import SessionTape
from tests.integration.controls.controls_case import Client, Desk, served
from tests.integration.controls.test_controls_command import run


def postings(path: Path) -> list[tuple[str, str, str, Decimal]]:
    """Return (cause, account, asset, amount) of what the session's ledger holds beside openings and fills."""
    with SessionTape(path) as tape:
        return [
            (row.cause, row.account, row.asset, row.amount)
            for row in tape.ledger()
            if not row.cause.startswith(("opening:", "fill:"))
        ]


async def cost(
    client: Client, name: str = "c-1", amount: str = "12.50", asset: str = "USDT", mark: str = ""
) -> tuple[int, Any]:
    """Tell of a cost for data."""
    facts = {"category": "data", "asset": asset, "amount": amount, "mark": mark}
    return await client.post("/v1/cost", request_id=name, **facts)


async def test_a_cost_in_any_currency_counts_at_the_mark_that_is_told(tmp_path: Path) -> None:
    """The ledger keeps euros, today's costs are in the reporting currency; a mark that is none is refused."""
    async with served(tmp_path) as (desk, client):
        desk.trade()
        told = await cost(client, "c-1", "10", "EUR", "1.085")
        wrong = await cost(client, "c-2", "10", "EUR", "0")
        itself = await cost(client, "c-3", "10", "USDT", "2")
        spent = desk.desk.status().treasury.operating_costs_today

    assert (200, 409, 409) == (told[0], wrong[0], itself[0])
    assert ("0 is no mark", "one USDT is one USDT, not 2") == (wrong[1]["refusal"], itself[1]["refusal"])
    assert Decimal("10.850") == spent
    assert [
        ("cost:c-1", "payable", "EUR", Decimal(-10)),
        ("cost:c-1", "costs:data", "EUR", Decimal(10)),
    ] == postings(tmp_path / "session.db")


async def test_a_cost_is_booked_once_and_counts_today(tmp_path: Path) -> None:
    """The first answer is given again; another cost of the same id changes nothing."""
    async with served(tmp_path) as (desk, client):
        desk.trade()
        first, again = await cost(client), await cost(client, amount="99")
        spent = desk.desk.status().treasury.operating_costs_today

    booked = postings(tmp_path / "session.db")
    assert (200, "") == (first[0], first[1]["refusal"])
    assert first == again
    assert Decimal("12.50") == spent
    assert [
        ("cost:c-1", "payable", "USDT", Decimal("-12.50")),
        ("cost:c-1", "costs:data", "USDT", Decimal("12.50")),
    ] == booked


async def test_what_cannot_be_booked_is_refused_in_one_sentence(tmp_path: Path) -> None:
    """Nothing changes for a currency without a mark, an asset nobody trades, an amount that is none."""
    async with served(tmp_path) as (desk, client):
        desk.trade()
        before = desk.process.agent.checkpoint()["ledger"]
        unknown = await cost(client, "c-2", asset="EUR")
        nothing = await client.post("/v1/settlement", request_id="t-1", asset="GOLD", amount="5")
        fine = await client.post("/v1/settlement", request_id="t-2", asset="BTC", amount="0.0000000001")
        wrong = await cost(client, "c-3", amount="1e5")
        after = desk.process.agent.checkpoint()["ledger"]

    assert (409, "no mark converts EUR to USDT") == (unknown[0], unknown[1]["refusal"])
    assert (409, "no configured market leads from GOLD to USDT") == (nothing[0], nothing[1]["refusal"])
    assert 409 == fine[0]
    assert "decimals" in fine[1]["refusal"]
    assert (400, 'amount: an amount as a string such as "-12.50" is wanted') == (
        wrong[0],
        wrong[1]["problem"],
    )
    assert before == after


async def test_a_correction_is_a_new_posting_that_names_what_it_corrects(tmp_path: Path) -> None:
    """The wrong posting stays; today's costs follow, and the same request corrects once."""
    wish = {
        "cause": "cost:c-1",
        "asset": "USDT",
        "amount": "2.50",
        "source": "costs:data",
        "target": "payable",
    }
    async with served(tmp_path) as (desk, client):
        desk.trade()
        await cost(client)
        done = await client.post("/v1/correction", request_id="r-x", **wish)
        again = await client.post("/v1/correction", request_id="r-x", **wish)
        spent = desk.desk.status().treasury.operating_costs_today

    booked = postings(tmp_path / "session.db")
    assert (200, done) == (done[0], again)
    assert Decimal("10.00") == spent
    assert [
        ("correction:r-x:cost:c-1", "costs:data", "USDT", Decimal("-2.50")),
        ("correction:r-x:cost:c-1", "payable", "USDT", Decimal("2.50")),
    ] == booked[2:]


async def test_money_that_moved_is_told_from_the_command_line(tmp_path: Path) -> None:
    """Told twice it moves once; a command that lacks something says what."""
    async with served(tmp_path) as (desk, client):
        desk.trade()
        before = desk.process.agent.state().balances["USDT"].total
        words = ("settle", "out-1", "--asset", "USDT", "--amount", "-40", "--reason", "rent")
        settled = await run(client.url(""), client.folder, *words)
        again = await run(client.url(""), client.folder, *words)
        left = desk.process.agent.state().balances["USDT"].total
        lacking = await run(client.url(""), client.folder, "cost", "c-9", "--asset", "USDT")
        nobody = await run(client.url(""), client.folder, "approve", "surplus-1")

    assert (0, 0) == (settled[0], again[0])
    assert before - 40 == left
    assert 2 == lacking[0]
    assert "cost needs --category, --amount" in lacking[2]
    assert 1 == nobody[0]
    assert "no transfer surplus-1 is known" in nobody[2]


def test_the_principal_shown_is_judged_by_the_equity_beside_it(tmp_path: Path) -> None:
    """The budget goes down at the next sample of the equity; what a person reads follows the equity at once."""
    desk = Desk(tmp_path / "session.db", "treasury.principal_baseline=99980")
    desk.trade(3_000_000)
    desk.trade(3_000_000)  # It holds a hundredth of a coin now, and falls with it.
    before = desk.desk.status()
    desk.trade(2_800_000)
    after = desk.desk.status()

    assert after.pnl.equity < Decimal(99980) < before.pnl.equity
    assert before.treasury.principal_protected
    assert not after.treasury.principal_protected
