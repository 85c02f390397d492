"""What is to be said waits as facts, and becomes records for whoever asks."""

from __future__ import annotations

from decimal import Decimal

import pytest

from meva_core.agent.outbox import Outbox
from meva_core.ops.log_records import (
    DataRejected,
    OrderSubmitted,
    Record,
    RiskDecided,
    SignalDecided,
    fact_of,
    order_placed,
    records_of,
)
from tests.unit.ops.records import order_submitted, place_order, signal_decided


def test_facts_become_records_once_and_in_order() -> None:
    """Two observers of one outcome are given the same objects; the next outcome begins empty."""
    outbox = Outbox()
    outbox.record(DataRejected, 7, "BTC/USDT", "price_jump")
    outbox.record(DataRejected, 8, "ETH/USDT", "price_jump")

    outcome, following = outbox.take(1), outbox.take(2)

    expected = (DataRejected(7, "BTC/USDT", "price_jump"), DataRejected(8, "ETH/USDT", "price_jump"))
    assert expected == outcome.records
    assert outcome.records is outcome.records
    assert () == following.records


def test_an_order_is_one_fact_and_three_records() -> None:
    """The signal, its approval and the order are said in the order in which they came."""
    signal, command = signal_decided().signal, place_order(5, 3)

    records = records_of([(order_placed, (signal, command))])

    assert (
        SignalDecided(5, 3, "cross", "BTC/USDT", signal, ""),
        RiskDecided(5, 3, "cross", "BTC/USDT", True, (), ""),
        OrderSubmitted(5, 3, command.request, Decimal("100.5")),
    ) == records


def test_a_record_becomes_a_fact_and_a_record_again() -> None:
    """Whoever holds records alone can hand them to what counts facts."""
    submitted = order_submitted()

    assert (submitted,) == records_of([fact_of(submitted)])


def test_a_taker_is_told_at_once_and_unread_facts_stay_out_of_outcomes() -> None:
    """Whoever only counts needs no outcome; commands and decisions are never left out."""
    outbox, told = Outbox(), list[tuple[object, ...]]()
    outbox.tell({DataRejected: told.append}, read=())

    outbox.record(DataRejected, 7, "BTC/USDT", "price_jump")

    assert [(7, "BTC/USDT", "price_jump")] == told
    assert not outbox.filled
    outbox.decide("gate CLOSED")
    assert (("gate CLOSED",), ()) == (outbox.take(1).decisions, outbox.take(2).records)


@pytest.mark.parametrize("read", [{SignalDecided}, {RiskDecided}, {OrderSubmitted}, None])
def test_an_order_is_read_by_whoever_reads_one_of_its_records(read: set[type[Record]] | None) -> None:
    """One fact stands for three records, so it is kept for each of them."""
    outbox = Outbox()
    outbox.tell({}, read=read)

    outbox.order(signal_decided().signal, place_order(5, 3))

    assert [SignalDecided, RiskDecided, OrderSubmitted] == [type(each) for each in outbox.take(1).records]


def test_an_order_that_nobody_reads_is_a_command_and_three_decisions() -> None:
    """Signal, intent and order enter the chain; no fact is kept."""
    outbox = Outbox()
    outbox.tell({}, read=())
    command = place_order(5, 3)

    outbox.order(signal_decided().signal, command)

    outcome = outbox.take(1)
    assert ((command,), ()) == (outcome.commands, outcome.facts)
    assert ["signal", "intent", "place"] == [text.split()[0] for text in outcome.decisions]
