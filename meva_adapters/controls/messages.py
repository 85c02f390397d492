"""Define what the controls API takes and gives, and read it strictly; do nothing with it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, Final, TypeVar

import attrs
import orjson
from attrs import frozen

from meva_core.agent.decision_lines import KINDS
from meva_core.ports.controls import (
    AlertView,
    HealthView,
    OrderView,
    PnlView,
    PositionView,
    TreasuryView,
)

# Printable, so that no log line can be forged with them; a name fits on one line, a reason on a screen.
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:@-]{0,63}")
_SUBJECT: Final = re.compile(r"[A-Za-z0-9_.:@/-]{0,64}")
_REASON_MAX: Final = 300
_NUMBER: Final = re.compile(r"[0-9]{1,18}(\.[0-9]{1,10})?")
_SIGNED: Final = re.compile(r"-?[0-9]{1,18}(\.[0-9]{1,18})?")
# What the ledger calls an account or a cause: words with colons, and symbols with a slash.
_PLACE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:@/-]{0,127}")
_EPOCH_MAX: Final = 2**53
_EVENT: Final = re.compile(r"[0-9]{1,15}")
# What one answer holds: some 100 kB.
LIMIT_MAX: Final = 500


@frozen
class MessageError(Exception):
    """Say what is wrong with a message; *problem* repeats nothing that a stranger wrote."""

    problem: str

    def __str__(self) -> str:
        return self.problem


@frozen
class StopRequest:
    """Ask for less: pause or kill. Repeating *request_id* gets the first answer again."""

    request_id: str
    actor: str
    reason: str


@frozen
class GoRequest:
    """Ask to trade again. *expected_epoch* is the gate's, as last seen."""

    request_id: str
    actor: str
    reason: str
    expected_epoch: int


@frozen
class BudgetRequest:
    """Ask for another exposure limit, in the reporting currency."""

    request_id: str
    actor: str
    reason: str
    expected_epoch: int
    budget: Decimal


@frozen
class CostRequest:
    """Tell of an operating cost in *asset*; *request_id* is its id for good, a negative amount takes back.

    *mark* is what one of *asset* is worth in the reporting currency; the agent's own mark where it is empty.
    """

    request_id: str
    actor: str
    reason: str
    category: str
    asset: str
    amount: Decimal
    mark: Decimal | None


@frozen
class TransferRequest:
    """Approve or reject the transfer *transfer_id* that the agent proposed."""

    request_id: str
    actor: str
    reason: str
    transfer_id: str
    approved: bool


@frozen
class SettlementRequest:
    """Tell that money left (negative) or entered the account; *request_id* is the id of the transfer."""

    request_id: str
    actor: str
    reason: str
    asset: str
    amount: Decimal


@frozen
class CorrectionRequest:
    """Move a positive *amount* in the ledger from *source* to *target*, because *cause* was booked wrongly."""

    request_id: str
    actor: str
    reason: str
    cause: str
    asset: str
    amount: Decimal
    source: str
    target: str


@frozen
class AcknowledgeRequest:
    """Say that an alert is seen. *code* and *subject* are the alert's own; the subject may be empty."""

    request_id: str
    actor: str
    reason: str
    code: str
    subject: str


@frozen
class DecisionQuery:
    """Ask for the last *limit* decisions of *kind* (empty: any) before event *before* (0: the newest)."""

    before: int = 0
    limit: int = 60
    kind: str = ""


@frozen
class StoryQuery:
    """Ask for the story of an order from events after *after*, *limit* lines and the rest of the last event's."""

    after: int = 0
    limit: int = 200


@frozen
class Problem:
    """Say why a request was not carried out."""

    problem: str


@frozen
class Orders:
    """Hold the orders that are not over."""

    orders: tuple[OrderView, ...]


@frozen
class Positions:
    """Hold what is held, by symbol."""

    positions: tuple[PositionView, ...]


@frozen
class Pnl:
    """Hold profit and loss."""

    pnl: PnlView


@frozen
class Treasury:
    """Hold whether the agent pays for itself."""

    treasury: TreasuryView


@frozen
class Alerts:
    """Hold the alerts raised, oldest first."""

    alerts: tuple[AlertView, ...]


@frozen
class Health:
    """Hold how the agent is."""

    health: HealthView


@frozen
class Liveness:
    """Say whether the main loop turns, and how long ago it last said so."""

    alive: bool
    heartbeat_age_ms: int


Message = TypeVar(
    "Message",
    StopRequest,
    GoRequest,
    BudgetRequest,
    AcknowledgeRequest,
    CostRequest,
    TransferRequest,
    SettlementRequest,
    CorrectionRequest,
)


def read_message(kind: type[Message], body: bytes) -> Message:
    """Return the *kind* that *body* holds as JSON; raise `MessageError` naming the field that is wrong."""
    try:
        given = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise MessageError("the body is no JSON") from None
    if not isinstance(given, dict):
        raise MessageError("the body must be one JSON object")
    names = [field.name for field in attrs.fields(kind)]
    if missing := [name for name in names if name not in given]:
        raise MessageError(f"missing: {', '.join(missing)}")
    if len(given) > len(names):
        raise MessageError(f"only these fields are known: {', '.join(names)}")
    return kind(**{name: _READERS[name](name, given[name]) for name in names})


Query = TypeVar("Query", DecisionQuery, StoryQuery)


def read_query(kind: type[Query], given: Mapping[str, str]) -> Query:
    """Return the *kind* that an address's query asks for; raise `MessageError` naming what is wrong."""
    names = [field.name for field in attrs.fields(kind)]
    if not set(given) <= set(names):
        raise MessageError(f"only these parameters are known: {', '.join(names)}")
    return kind(**{name: _PARAMETERS[name](name, text) for name, text in given.items()})


def to_json(value: object) -> bytes:
    """Return *value*, an attrs instance, as JSON: amounts as decimal strings, times as integers."""
    return orjson.dumps(value, default=_plain, option=orjson.OPT_NON_STR_KEYS)


def _plain(value: Any) -> object:
    if isinstance(value, Decimal):
        return f"{value:f}"
    if attrs.has(type(value)):
        return {field.name: getattr(value, field.name) for field in attrs.fields(type(value))}
    raise TypeError(type(value).__name__)


def is_name(text: str) -> bool:
    """Return whether *text* may stand for a request, a person, a category or an asset."""
    return _NAME.fullmatch(text) is not None


def _read_name(field: str, value: Any) -> str:
    if not isinstance(value, str) or not is_name(value):
        raise MessageError(f"{field}: 1 to 64 letters, digits and _ . : @ - are wanted")
    return value


def _read_subject(field: str, value: Any) -> str:
    if not isinstance(value, str) or not _SUBJECT.fullmatch(value):
        raise MessageError(f"{field}: at most 64 letters, digits and _ . : @ / - are wanted")
    return value


def _read_reason(field: str, value: Any) -> str:
    if not isinstance(value, str) or not value.strip() or len(value) > _REASON_MAX or not value.isprintable():
        raise MessageError(f"{field}: 1 to {_REASON_MAX} printable characters are wanted")
    return value


def _read_epoch(field: str, value: Any) -> int:
    """Return the whole number; JSON knows one kind of number, so `3.0` is whole too."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= _EPOCH_MAX:
        raise MessageError(f"{field}: a whole number from 0 is wanted")
    return value


def _read_amount(field: str, value: Any) -> Decimal:
    if isinstance(value, str) and _NUMBER.fullmatch(value):
        return Decimal(value)
    raise MessageError(f'{field}: an amount as a string such as "250.00" is wanted')


def _read_signed(field: str, value: Any) -> Decimal:
    if isinstance(value, str) and _SIGNED.fullmatch(value):
        return Decimal(value)
    raise MessageError(f'{field}: an amount as a string such as "-12.50" is wanted')


def _read_mark(field: str, value: Any) -> Decimal | None:
    return None if value == "" else _read_amount(field, value)


def _read_place(field: str, value: Any) -> str:
    if not isinstance(value, str) or not _PLACE.fullmatch(value):
        raise MessageError(f"{field}: 1 to 128 letters, digits and _ . : @ / - are wanted")
    return value


def _read_flag(field: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise MessageError(f"{field}: true or false is wanted")
    return value


def _read_event(field: str, text: str) -> int:
    if _EVENT.fullmatch(text):
        return int(text)
    raise MessageError(f"{field}: the number of an event is wanted, 0 for none")


def _read_limit(field: str, text: str) -> int:
    if _EVENT.fullmatch(text) and 1 <= int(text) <= LIMIT_MAX:
        return int(text)
    raise MessageError(f"{field}: a whole number from 1 to {LIMIT_MAX} is wanted")


def _read_kind(field: str, text: str) -> str:
    if text in {"", *KINDS}:
        return text
    raise MessageError(f"{field}: one of {', '.join(KINDS)} is wanted")


_PARAMETERS: Final[dict[str, Callable[[str, str], Any]]] = {
    "before": _read_event,
    "after": _read_event,
    "limit": _read_limit,
    "kind": _read_kind,
}
_READERS: Final[dict[str, Callable[[str, Any], Any]]] = {
    "request_id": _read_name,
    "actor": _read_name,
    "reason": _read_reason,
    "expected_epoch": _read_epoch,
    "budget": _read_amount,
    "category": _read_name,
    "asset": _read_name,
    "amount": _read_signed,
    "mark": _read_mark,
    "transfer_id": _read_name,
    "approved": _read_flag,
    "cause": _read_place,
    "source": _read_place,
    "target": _read_place,
    "code": _read_name,
    "subject": _read_subject,
}
