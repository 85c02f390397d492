"""What is to be said waits as facts, and becomes records for whoever asks."""

from __future__ import annotations

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
from tests.unit.ops.records import order_submitted, signal_decided


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
    signal, submitted = signal_decided().signal, order_submitted()
    request, price = submitted.request, submitted.decision_price

    records = records_of([(order_placed, (5, 3, "cross", "BTC/USDT", signal, request, price))])

    assert (
        SignalDecided(5, 3, "cross", "BTC/USDT", signal, ""),
        RiskDecided(5, 3, "cross", "BTC/USDT", True, (), ""),
        OrderSubmitted(5, 3, request, price),
    ) == records


def test_a_record_becomes_a_fact_and_a_record_again() -> None:
    """Whoever holds records alone can hand them to what counts facts."""
    submitted = order_submitted()

    assert (submitted,) == records_of([fact_of(submitted)])


def test_a_taker_is_told_at_once_and_unread_facts_stay_out_of_outcomes() -> None:
    """Whoever only counts needs no outcome; commands and decisions are never left out."""
    outbox, told = Outbox(), list[tuple[object, ...]]()
    outbox.tell({DataRejected: lambda *fields: told.append(fields)}, read=())

    outbox.record(DataRejected, 7, "BTC/USDT", "price_jump")

    assert [(7, "BTC/USDT", "price_jump")] == told
    assert not outbox.filled
    outbox.decide("gate CLOSED")
    assert (("gate CLOSED",), ()) == (outbox.take(1).decisions, outbox.take(2).records)


@pytest.mark.parametrize("read", [{SignalDecided}, {RiskDecided}, {OrderSubmitted}, None])
def test_an_order_is_read_by_whoever_reads_one_of_its_records(read: set[type[Record]] | None) -> None:
    """One fact stands for three records, so it is kept for each of them."""
    signal, submitted = signal_decided().signal, order_submitted()
    outbox = Outbox()
    outbox.tell({}, read=read)

    outbox.record(
        order_placed, 5, 3, "cross", "BTC/USDT", signal, submitted.request, submitted.decision_price
    )

    assert outbox.filled
    assert [SignalDecided, RiskDecided, OrderSubmitted] == [type(each) for each in outbox.take(1).records]
