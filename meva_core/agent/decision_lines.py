"""Say in words for people what an event led to, from what the journal holds of it; decide nothing.

A running agent says it of the event that it handles, and of any row that it reads back from its journal, by the same
words: both have the event, the commands and the canonical texts of the decisions (`decision_texts` writes those of a
wish).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final, get_args

from meva_core.commands import CancelAllOrders, CancelOrder, PlaceOrder
from meva_core.events import (
    AgentStarted,
    CancelRefused,
    CostRecorded,
    Event,
    MarketEvent,
    OperatorEvent,
    OrderAcknowledged,
    OrderCanceled,
    OrderCancelRequested,
    OrderDropped,
    OrderExpired,
    OrderFilled,
    OrderOutcomeUnknown,
    OrderQueryAnswered,
    OrderRejected,
    RequestFailed,
    TransferSettled,
    VenueStateObserved,
)
from meva_core.ports.controls import DecisionView
from meva_core.ports.storage import Happening, Wanted

# What concerns every order that is open then, although it names none.
_OF_ALL: Final = frozenset({"start", "cancel"})
_MARKET: Final = frozenset(get_args(MarketEvent))
# Where a signal's text has its terms (limit price, post-only, end), this word of it is one of these; see
# `decision_texts`.
_TERMS_AT: Final = 12
_FLAGS: Final = frozenset({"True", "False"})

# Decision, kind, symbol, order and text of a line.
_Line = tuple[int, str, str, str, str]


def lines_of(happening: Happening) -> tuple[DecisionView, ...]:
    """Return what *happening* says to a person, in order; empty for most events.

    A signal and its verdict carry the name of the order that they became.
    """
    lines = [*_said_by_event(happening), *_said_by_decisions(happening)]
    names = {number: name for number, _, _, name, _ in lines if number and name}
    return tuple(
        DecisionView(
            happening.sequence, happening.time_ns, number, kind, symbol, name or names.get(number, ""), text
        )
        for number, kind, symbol, name, text in lines
    )


def is_market(event: Event) -> bool:
    """Return whether *event* is one of those that no row of the journal holds."""
    return type(event) in _MARKET


def lines_about(name: str, lines: Sequence[DecisionView], *, ended_ns: int = 0) -> tuple[DecisionView, ...]:
    """Return those of one event's *lines* that concern the order *name*, over at *ended_ns* (0: it is not)."""
    return tuple(
        line
        for line in lines
        if line.client_order_id == name
        or (line.kind in _OF_ALL and not line.client_order_id and (not ended_ns or line.time_ns <= ended_ns))
    )


def story_goes_on(
    name: str, told: Sequence[DecisionView], happening: Happening, *, ended_ns: int
) -> tuple[DecisionView, ...]:
    """Return what *happening* adds to the story of the order *name*, of which *told* was told so far.

    *ended_ns* is when the order was over, 0 while it is not.
    """
    lines = lines_about(name, lines_of(happening), ended_ns=ended_ns)
    return (*_observed(name, happening), *lines) if told and _is_doubtful(told[-1]) else lines


def _is_doubtful(line: DecisionView) -> bool:
    """Return whether after *line* nobody knew what had become of an order."""
    return line.kind == "start" or line.text.startswith("unknown")


def _observed(name: str, happening: Happening) -> tuple[DecisionView, ...]:
    """Return what the venue's list of everything says of the order *name*: worth a line where that was not known."""
    if not isinstance(happening.event, VenueStateObserved):
        return ()
    return tuple(
        DecisionView(
            happening.sequence,
            happening.time_ns,
            0,
            "update",
            order.symbol,
            name,
            f"the venue lists it as {order.status}, {order.filled_quantity:f} of {order.quantity:f} filled",
        )
        for order in happening.event.open_orders
        if order.client_order_id == name
    )


def _said_by_event(happening: Happening) -> Iterator[_Line]:
    event = happening.event
    tell = _EVENTS.get(type(event))
    if tell is not None:
        name = getattr(event, "client_order_id", "") or getattr(event, "subject", "")
        kind = "start" if isinstance(event, AgentStarted) else "update"
        yield 0, kind, happening.symbol, name, tell(event)
    elif isinstance(event, CostRecorded | TransferSettled) and event.actor:
        yield 0, "control", "", "", _told_of_money(event)
    for fill in happening.fills:
        text = f"{fill.side} {fill.quantity:f} at {fill.price:f}, fee {fill.fee:f} {fill.fee_asset} as {fill.liquidity}"
        yield 0, "fill", fill.symbol, fill.client_order_id, text


def _answer(event: OrderQueryAnswered) -> str:
    order = event.order
    if order is None:
        return "asked, and the venue knows none of this name"
    return f"asked, and the venue says {order.status}, {order.filled_quantity:f} of {order.quantity:f} filled"


def _told_of_money(event: CostRecorded | TransferSettled) -> str:
    what = f"cost {event.cost_id}" if isinstance(event, CostRecorded) else f"transfer {event.transfer_id}"
    return f"{event.actor} told of {what}: {event.amount:f} {event.asset}"


# What each event says of its order.
_EVENTS: Final[dict[type, Callable[[Any], str]]] = {
    AgentStarted: lambda _: "the agent started: what was under way is unknown until the venue tells",
    OrderAcknowledged: lambda event: f"the venue knows it as order {event.venue_order_id}",
    OrderRejected: lambda event: f"rejected {event.code}: {event.reason}",
    OrderDropped: lambda event: f"dropped, it never left: {event.reason}",
    OrderCanceled: lambda event: f"canceled: {event.reason}",
    OrderExpired: lambda event: f"expired: {event.reason}",
    OrderOutcomeUnknown: lambda event: f"unknown: {event.problem}",
    CancelRefused: lambda event: f"cancel refused: {event.reason}",
    RequestFailed: lambda event: f"no answer to {event.request}: {event.problem}",
    OrderQueryAnswered: _answer,
}


# Where lines of each kind come from.
SOURCES: Final[dict[str, Wanted]] = {
    "signal": Wanted((), ("signal", "disable")),
    "risk": Wanted((), ("place",)),
    "refusal": Wanted((), ("refused",)),
    "submit": Wanted((), ("place",)),
    "update": Wanted(tuple(kind.__name__ for kind in _EVENTS if kind is not AgentStarted), ("absent",)),
    "fill": Wanted(
        tuple(kind.__name__ for kind in (OrderFilled, OrderQueryAnswered, VenueStateObserved)), ()
    ),
    "cancel": Wanted((), ("cancel", "cancel_all")),
    "gate": Wanted((), ("gate",)),
    "control": Wanted((CostRecorded.__name__, TransferSettled.__name__), ("control",)),
    "reconcile": Wanted((), ("compared",)),
    "treasury": Wanted((), ("budget", "cost", "transfer")),
    "start": Wanted((AgentStarted.__name__,), ()),
}
KINDS: Final = tuple(SOURCES)


def _said_by_decisions(happening: Happening) -> Iterator[_Line]:
    symbols: dict[str, str] = {}
    for text in happening.decisions:
        word, _, rest = text.partition(" ")
        match word:
            case "signal":
                line = _signal(text)
                symbols[rest.partition(" ")[0]] = line[2]
                yield line
            case "refused":
                number, codes, why = (*rest.split(" ", 2), "")[:3]
                said = f"risk refused ({codes.replace(',', ', ')}) {why}".rstrip()
                yield int(number), "refusal", symbols.get(number, ""), "", said
            case "place":
                yield from _placed(happening, rest.split(" ", 2)[1])
            case "control":
                yield _control(happening.event, rest)
            case "gate":
                state, _, code, why = (*rest.split(" ", 3), "")[:4]
                yield 0, "gate", "", "", f"gate {state}: {code}: {why}"
            case "cancel_all":
                yield _cancel_all(happening, rest)
            case "cancel":
                yield _cancel(happening, rest.partition(" ")[0])
            case "compared":
                if differences := rest.partition(" ")[2]:
                    yield 0, "reconcile", "", "", differences
            case _:
                line_of = _PLAIN.get(word)
                if line_of is not None:
                    yield line_of(rest)


def _absent(rest: str) -> _Line:
    name, _, proof = rest.partition(" ")
    return 0, "update", "", name, f"never placed: {proof}"


def _disabled(rest: str) -> _Line:
    strategy, _, symbol = rest.partition(" ")
    return 0, "signal", symbol, "", f"{strategy} failed, and is switched off"


# What needs nothing but its own text.
_PLAIN: Final[dict[str, Callable[[str], _Line]]] = {
    "absent": _absent,
    "disable": _disabled,
    "budget": lambda rest: (0, "treasury", "", "", f"budget {rest}"),
    "cost": lambda rest: (0, "treasury", "", "", f"cost {rest}"),
    "transfer": lambda rest: (0, "treasury", "", "", f"transfer {rest}"),
}


def _signal(text: str) -> _Line:
    words = text.split(" ")
    _, number, _, strategy, symbol, verdict, side = words[:7]
    terms = 3 if len(words) > _TERMS_AT and words[_TERMS_AT] in _FLAGS else 0
    reason = " ".join(words[13 + terms :])
    said = f"{strategy} wants {side}: {reason}"
    if verdict != "valid":
        said += f"; rejected: {verdict}"
    return int(number), "signal", symbol, "", said


def _placed(happening: Happening, name: str) -> Iterator[_Line]:
    for command in happening.commands:
        if isinstance(command, PlaceOrder) and command.request.client_order_id == name:
            request, intent = command.request, command.approved.intent
            number, symbol = intent.decision, request.symbol
            price = "market" if request.limit_price is None else f"{request.limit_price:f}"
            text = f"{request.side} {request.quantity:f} at {price}, decided at {intent.reference_price:f}"
            yield number, "risk", symbol, "", "risk approved"
            yield number, "submit", symbol, name, text


def _control(event: Event | None, rest: str) -> _Line:
    """Return an operator's request with its answer; the actor's name may hold blanks, so the event must tell it."""
    if not isinstance(event, OperatorEvent):
        return 0, "control", "", "", rest
    request = type(event).__name__.removesuffix("Requested")
    answer = rest.removeprefix(f"{request} {event.request_id} {event.actor} ")
    name = event.client_order_id if isinstance(event, OrderCancelRequested) else ""
    return 0, "control", "", name, f"{event.actor} asked for {request}: {answer}"


def _cancel_all(happening: Happening, code: str) -> _Line:
    reasons = [command.reason for command in happening.commands if isinstance(command, CancelAllOrders)]
    why = next((reason for reason in reasons if reason.startswith(code)), code)
    return 0, "cancel", "", "", f"cancel every order of ours: {why}"


def _cancel(happening: Happening, name: str) -> _Line:
    for command in happening.commands:
        if isinstance(command, CancelOrder) and command.client_order_id == name:
            return 0, "cancel", command.symbol, name, f"cancel requested: {command.reason}"
    return 0, "cancel", "", name, "cancel requested"
