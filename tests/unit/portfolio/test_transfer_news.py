"""Operator and venue may both tell of one transfer, each by its own name: the money moves once."""

from __future__ import annotations

from decimal import Decimal

import pytest

from meva_core.events import TransferSettled
from meva_core.ops.log_records import ControlAnswered
from meva_core.portfolio.transfer_book import ECHO_WITHIN_NS
from tests.unit.test_treasury_service import TRANSFER, Bench, codes, proposing

OPERATOR, VENUE = (TRANSFER, "ann"), ("withdrawal-77", "")


def told(bench: Bench, name: str, actor: str, *, asset: str = "USDT", amount: str = "-40") -> str:
    """Tell that money moved; return the answer to a person, empty for a venue and where it was booked."""
    bench.time_ns += 1
    outcome = bench.give(TransferSettled(bench.time_ns, name, asset, Decimal(amount), "", actor))
    return "".join(record.refusal for record in outcome.records if isinstance(record, ControlAnswered))


def cash(bench: Bench) -> Decimal:
    """Return the balance in the reporting currency."""
    return bench.agent.state().balances["USDT"].total


@pytest.mark.parametrize("restarts", [False, True])
@pytest.mark.parametrize(("first", "second"), [(OPERATOR, VENUE), (VENUE, OPERATOR)])
def test_whoever_tells_second_moves_nothing(
    first: tuple[str, str], second: tuple[str, str], *, restarts: bool
) -> None:
    """In either order, and with a restart in between."""
    bench = proposing()
    bench.answer()
    told(bench, *first)
    if restarts:
        bench.restart()
    refusal = told(bench, *second)

    assert Decimal(960) == cash(bench)
    assert (f"transfer {TRANSFER} is settled already" if second == OPERATOR else "") == refusal
    assert "settled" == bench.agent.services.treasury.transfers.all()[0].status.value


def test_the_next_withdrawal_of_the_same_amount_is_another() -> None:
    """One echo belongs to one transfer: what the venue lists again has moved again."""
    bench = proposing()
    bench.answer()
    for name, actor in (OPERATOR, VENUE, ("withdrawal-78", "")):
        told(bench, name, actor)

    assert Decimal(920) == cash(bench)


def test_what_the_venue_lists_a_day_later_is_another() -> None:
    """An echo comes within a day."""
    bench = proposing()
    bench.answer()
    told(bench, *OPERATOR)
    bench.time_ns += ECHO_WITHIN_NS
    told(bench, *VENUE)

    assert Decimal(920) == cash(bench)


def test_another_amount_is_no_settlement_of_ours() -> None:
    """A fee was taken on top: both movements are booked, and the comparison with the venue decides."""
    bench = proposing()
    bench.answer()
    told(bench, *VENUE, amount="-41")

    assert "approved" == bench.agent.services.treasury.transfers.all()[0].status.value
    assert Decimal(959) == cash(bench)


def test_a_movement_that_cannot_be_valued_is_told_and_not_booked() -> None:
    """An asset that no market prices, from the venue itself: a person hears of it, and the agent goes on."""
    bench = Bench()
    outcome = bench.give(TransferSettled(bench.time_ns, "airdrop", "GIFT", Decimal(5), ""))
    bench.trade(101)

    assert ["transfer_refused"] == codes(outcome)
    assert "GIFT" not in bench.agent.state().balances
