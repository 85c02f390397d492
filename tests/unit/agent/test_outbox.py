"""What is to be said waits as facts, and becomes records for whoever asks."""

from __future__ import annotations

from meva_core.agent.outbox import Outbox
from meva_core.ops.log_records import (
    DataRejected,
    OrderSubmitted,
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
