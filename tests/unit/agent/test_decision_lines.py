"""What an event led to is said in words, the same from memory and from the journal."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from meva_core.agent.decision_lines import lines_about, lines_of, story_goes_on
from meva_core.commands import CancelAllOrders, CancelOrder
from meva_core.events import (
    AgentStarted,
    CostRecorded,
    Event,
    ObservedOrder,
    OrderCancelRequested,
    OrderOutcomeUnknown,
    OrderQueryAnswered,
    PauseRequested,
    RequestFailed,
    VenueStateObserved,
)
from meva_core.model.market import Side
from meva_core.ports.controls import DecisionView
from meva_core.ports.storage import Happening

MARKET = "signal 7 5 sma BTC/USDT {} buy 0.01 market GTC False 0.5 1.25 fast above slow"
LIMIT = "signal 7 5 sma BTC/USDT {} buy 0.01 limit GTC False 29900 True 0 0.5 1.25 fast above slow"
ENDS = "signal 7 5 sma BTC/USDT {} buy 0.01 market IOC False None False 99 0.5 1.25 fast above slow"


def happening(event: Event | None, *decisions: str, commands: tuple[Any, ...] = ()) -> Happening:
    """Return an event of order o-1 with what followed from it."""
    return Happening(3, 5, event, commands, decisions, "BTC/USDT", ())


def said(event: Event | None, *decisions: str, commands: tuple[Any, ...] = ()) -> list[tuple[str, str, str]]:
    """Return kind, order and text of each line."""
    lines = lines_of(happening(event, *decisions, commands=commands))
    return [(line.kind, line.client_order_id, line.text) for line in lines]


def listed(status: str) -> Happening:
    """Return the venue's list of everything, with order o-1 in it."""
    order = ObservedOrder("o-1", "v-1", "BTC/USDT", Side.BUY, one(2), one(0), status)
    return happening(VenueStateObserved(9, 9, (order,), (), ()))


def one(number: int) -> Decimal:
    """Return an amount."""
    return Decimal(number)


@pytest.mark.parametrize("text", [MARKET, LIMIT, ENDS], ids=["market", "limit", "with an end"])
def test_a_signals_reason_is_found_behind_whatever_terms_it_has(text: str) -> None:
    """The reason is free text and stands last; what was rejected says by which rule."""
    assert [("signal", "", "sma wants buy: fast above slow")] == said(None, text.format("valid"))
    assert [("signal", "", "sma wants buy: fast above slow; rejected: nan")] == said(None, text.format("nan"))


def test_a_refusal_names_rules_numbers_and_market() -> None:
    """It belongs to the decision of its signal."""
    lines = lines_of(
        happening(None, MARKET.format("valid"), "intent 7 0.01 30000 9", "refused 7 A-1,B-2 too much: 3 > 2")
    )

    assert [("refusal", 7, "BTC/USDT", "risk refused (A-1, B-2) too much: 3 > 2")] == [
        (line.kind, line.decision, line.symbol, line.text) for line in lines[1:]
    ]


@pytest.mark.parametrize(
    ("event", "decisions", "expected"),
    [
        (
            PauseRequested(5, "r-1", "ann by arm-token", "lunch"),
            ("gate PAUSED 2 operator_pause lunch", "control Pause r-1 ann by arm-token granted"),
            [
                ("gate", "", "gate PAUSED: operator_pause: lunch"),
                ("control", "", "ann by arm-token asked for Pause: granted"),
            ],
        ),
        (
            OrderCancelRequested(5, "r-2", "ann", "o-1", "old"),
            ("control OrderCancel r-2 ann no order o-1 is open",),
            [("control", "o-1", "ann asked for OrderCancel: no order o-1 is open")],
        ),
        (OrderOutcomeUnknown(5, "o-1", "timeout"), (), [("update", "o-1", "unknown: timeout")]),
        (RequestFailed(5, "cancel", "o-1", "cut"), (), [("update", "o-1", "no answer to cancel: cut")]),
        (
            OrderQueryAnswered(5, 5, 4, "o-1", None, ()),
            ("absent o-1 no such order, after the fence",),
            [
                ("update", "o-1", "asked, and the venue knows none of this name"),
                ("update", "o-1", "never placed: no such order, after the fence"),
            ],
        ),
        (
            CostRecorded(5, "c-1", "data", "USDT", one(3), "", "ann"),
            ("cost c-1 refused: no mark",),
            [("control", "", "ann told of cost c-1: 3 USDT"), ("treasury", "", "cost c-1 refused: no mark")],
        ),
        (None, ("compared False ", "timer 9", "query o-1", "observe due"), []),
        (None, ("compared False BTC: 1 here, 2 there",), [("reconcile", "", "BTC: 1 here, 2 there")]),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Event) else "",
)
def test_events_and_decisions_are_said(
    event: Event | None, decisions: tuple[str, ...], expected: list[tuple[str, str, str]]
) -> None:
    """Each by its own words; what only keeps the agent going says nothing."""
    assert expected == said(event, *decisions)


def test_cancels_say_why() -> None:
    """The reason stands in the command."""
    commands = (CancelOrder("BTC/USDT", "o-1", "too old"), CancelAllOrders(None, "kill_switch: prices"))

    assert [
        ("cancel", "o-1", "cancel requested: too old"),
        ("cancel", "", "cancel every order of ours: kill_switch: prices"),
    ] == said(None, "cancel o-1", "cancel_all kill_switch", commands=commands)


def test_what_concerns_every_order_is_of_those_that_are_open() -> None:
    """A start of the agent belongs to the story of an order that was not over yet."""
    [start] = lines_of(happening(AgentStarted(5)))

    assert (start,) == lines_about("o-1", [start])
    assert (start,) == lines_about("o-1", [start], ended_ns=5)
    assert () == lines_about("o-1", [start], ended_ns=4)


def test_the_venues_list_is_told_of_where_nobody_knew() -> None:
    """After a start it says what became of the order; at other times it would only repeat what is known."""
    start = lines_of(happening(AgentStarted(5)))
    known = [DecisionView(1, 1, 0, "update", "", "o-1", "the venue knows it as order v-1")]

    [line] = story_goes_on("o-1", start, listed("accepted"), ended_ns=0)
    assert "the venue lists it as accepted, 0 of 2 filled" == line.text
    assert () == story_goes_on("o-1", known, listed("accepted"), ended_ns=0)
    assert () == story_goes_on("o-2", start, listed("accepted"), ended_ns=0)
