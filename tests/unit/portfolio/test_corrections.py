"""A correction is a new posting between accounts of one kind; what the venue told is not corrected here."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from meva_core.agent.outbox import Outcome
from meva_core.events import CorrectionRequested
from meva_core.ops.log_records import ControlAnswered, MoneyBooked
from meva_core.portfolio.corrections import refusal_of_correction
from tests.unit.test_treasury_service import Bench


def corrected(bench: Bench, request_id: str = "r-1", **changes: Any) -> tuple[str, Outcome]:
    """Ask to take 5 of the cost c-1 back from its category; return the refusal, and what followed."""
    wish: dict[str, Any] = {
        "cause": "cost:c-1",
        "asset": "USDT",
        "amount": Decimal(5),
        "source": "costs:data",
        "target": "payable",
    } | changes
    outcome = bench.give(CorrectionRequested(bench.time_ns, request_id, "ann", reason="typo", **wish))
    [answer] = [record for record in outcome.records if isinstance(record, ControlAnswered)]
    return answer.refusal, outcome


def balance(bench: Bench, account: str) -> Decimal:
    """Return what the ledger says of USDT."""
    balances: Decimal = bench.agent.services.ledger.balance(account, "USDT")
    return balances


def spent(bench: Bench) -> Decimal:
    """Return today's costs."""
    return bench.agent.state().treasury.operating_costs_today


def test_too_much_is_taken_back_by_a_new_posting() -> None:
    """Twenty were booked and fifteen are due; the cause says what is corrected, by which request."""
    bench = Bench()
    bench.cost("c-1", "20")
    refusal, outcome = corrected(bench)
    [booked] = [record.entry for record in outcome.records if isinstance(record, MoneyBooked)]

    assert "" == refusal
    assert "correction:r-1:cost:c-1" == booked.cause
    assert (Decimal(15), Decimal(-15)) == (balance(bench, "costs:data"), balance(bench, "payable"))
    assert Decimal(15) == spent(bench)


def test_a_wrong_category_is_mended_without_spending_more() -> None:
    """From one category to another, today's costs stay."""
    bench = Bench()
    bench.cost("c-1", "20")
    corrected(bench, target="costs:model")

    assert (Decimal(15), Decimal(5)) == (balance(bench, "costs:data"), balance(bench, "costs:model"))
    assert Decimal(20) == spent(bench)


def test_a_closed_day_stays_as_it_was() -> None:
    """The correction of yesterday's cost counts today: the surplus of the closed day does not move."""
    bench = Bench()
    bench.cost("c-1", "20")
    bench.trade(100, days=1)
    closed = bench.agent.state().treasury.rolling_surplus_30d
    corrected(bench)

    assert closed == bench.agent.state().treasury.rolling_surplus_30d == Decimal(-20)
    assert Decimal(-5) == spent(bench)


def test_the_reserve_is_put_back_to_the_surplus() -> None:
    """Never more than it holds; the ledger and the treasury agree."""
    bench = Bench()
    bench.trade(101)
    bench.trade(101, days=1)
    wish = {"cause": "reserve:1", "source": "reserve", "target": "surplus"}
    refused, _ = corrected(bench, amount=Decimal(21), **wish)
    granted, _ = corrected(bench, "r-2", amount=Decimal(20), **wish)

    assert "the reserve holds 20.00000000" == refused
    assert "" == granted
    assert Decimal(0) == bench.agent.services.treasury.reserve == balance(bench, "reserve")


def test_the_same_request_corrects_once_after_a_restart_too() -> None:
    """Whoever did not hear the answer asks again, and gets it."""
    bench = Bench()
    bench.cost("c-1", "20")
    first, _ = corrected(bench)
    bench.restart()
    again, _ = corrected(bench)

    assert ("", "") == (first, again)
    assert Decimal(15) == balance(bench, "costs:data")


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"amount": Decimal(-5)}, "no positive amount"),
        ({"amount": Decimal("NaN")}, "no positive amount"),
        ({"target": "costs:data"}, "is both accounts"),
        ({"source": "venue"}, "is told as a transfer"),
        ({"source": "fees"}, "is told as a transfer"),
        ({"source": "reserve"}, "nothing is corrected from reserve to payable"),
        ({"cause": "cost:c-2"}, "cost:c-2 is not in the books"),
        ({"cause": "fill:BTC/USDT:1"}, "is none of: cost:NAME, correction:NAME"),
        ({"cause": "cost:"}, "is none of"),
        ({"asset": "EUR"}, "no mark converts EUR to USDT"),
    ],
)
def test_what_cannot_be_corrected_changes_nothing(changes: dict[str, Any], told: str) -> None:
    """The answer says why, the ledger stays."""
    bench = Bench()
    bench.cost("c-1", "20")
    before = bench.agent.checkpoint()
    refusal, _ = corrected(bench, **changes)

    assert told in refusal
    assert before["ledger"] == bench.agent.checkpoint()["ledger"]
    assert before["treasury"] == bench.agent.checkpoint()["treasury"]


def test_a_correction_of_a_correction_must_be_of_one_that_was_booked() -> None:
    """Names of corrections are those of their requests."""
    known = {"correction:r-1"}
    accounts: dict[str, Any] = {"amount": Decimal(1), "source": "payable", "target": "costs:data"}

    assert "" == refusal_of_correction("correction:r-1", is_booked=known.__contains__, **accounts)
    assert "correction:r-2 is not in the books" == refusal_of_correction(
        "correction:r-2", is_booked=known.__contains__, **accounts
    )
