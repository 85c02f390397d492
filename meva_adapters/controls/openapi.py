"""Describe the controls API in OpenAPI 3.1, from the classes that it takes and gives; serve nothing."""

from __future__ import annotations

import types
from decimal import Decimal
from typing import Any, Final, get_args, get_origin, get_type_hints

import attrs
from attrs import frozen

from meva_adapters.controls.access import Scope
from meva_adapters.controls.messages import (
    LIMIT_MAX,
    AcknowledgeRequest,
    Alerts,
    BudgetRequest,
    CorrectionRequest,
    CostRequest,
    DecisionQuery,
    GoRequest,
    Health,
    Liveness,
    Orders,
    Pnl,
    Positions,
    Problem,
    SettlementRequest,
    StopRequest,
    StoryQuery,
    TransferRequest,
    Treasury,
)
from meva_core.agent.decision_lines import KINDS
from meva_core.ports.controls import ControlAnswer, DecisionPage, StatusView


@frozen
class Operation:
    """Describe one route: what it needs, takes and gives. *gives* is `None` for plain text, *asks* its query if any."""

    method: str
    path: str
    name: str
    scope: Scope
    takes: type | None
    gives: type | None
    summary: str
    asks: type | None = None


OPERATIONS: Final = (
    Operation("POST", "/v1/pause", "pause", Scope.STOP, StopRequest, ControlAnswer, "Send no new orders."),
    Operation("POST", "/v1/kill", "kill", Scope.STOP, StopRequest, ControlAnswer, "Stop and cancel everything."),
    Operation("POST", "/v1/resume", "resume", Scope.ARM, GoRequest, ControlAnswer, "Trade again after a pause."),
    Operation("POST", "/v1/release", "release", Scope.ARM, GoRequest, ControlAnswer, "Lift a kill."),
    Operation("POST", "/v1/budget", "budget", Scope.BUDGET, BudgetRequest, ControlAnswer, "Set the exposure limit."),
    Operation("POST", "/v1/cost", "cost", Scope.BUDGET, CostRequest, ControlAnswer, "Book an operating cost."),
    Operation("POST", "/v1/transfer", "transfer", Scope.ARM, TransferRequest, ControlAnswer,
              "Approve or reject a transfer that the agent proposed."),
    Operation("POST", "/v1/settlement", "settlement", Scope.ARM, SettlementRequest, ControlAnswer,
              "Tell that money left or entered the account."),
    Operation("POST", "/v1/correction", "correction", Scope.ARM, CorrectionRequest, ControlAnswer,
              "Correct the ledger by a new posting."),
    Operation("POST", "/v1/acknowledge", "acknowledge", Scope.STOP, AcknowledgeRequest, ControlAnswer, "See an alert."),
    Operation("GET", "/v1/status", "status", Scope.READ, None, StatusView, "Everything at once."),
    Operation("GET", "/v1/orders", "orders", Scope.READ, None, Orders, "Orders that are not over."),
    Operation("GET", "/v1/positions", "positions", Scope.READ, None, Positions, "What is held."),
    Operation("GET", "/v1/pnl", "pnl", Scope.READ, None, Pnl, "Profit and loss."),
    Operation("GET", "/v1/treasury", "treasury", Scope.READ, None, Treasury, "Whether the agent pays for itself."),
    Operation("GET", "/v1/decisions", "decisions", Scope.READ, None, DecisionPage,
              "What was decided, the newest page first; `next` of one page is `before` of the next.", DecisionQuery),
    Operation("GET", "/v1/orders/{client_order_id}/why", "why", Scope.READ, None, DecisionPage,
              "Why was it sent, and what became of it? `next` of one page is `after` of the next.", StoryQuery),
    Operation("GET", "/v1/alerts", "alerts", Scope.READ, None, Alerts, "Alerts raised lately."),
    Operation("GET", "/v1/health", "health", Scope.READ, None, Health, "How the agent is; 503 when it is not ready."),
    Operation("GET", "/v1/live", "live", Scope.READ, None, Liveness, "Whether the main loop turns; 503 when not."),
    Operation("GET", "/v1/metrics", "metrics", Scope.READ, None, None, "Metrics in Prometheus exposition."),
    Operation("GET", "/v1/stream", "stream", Scope.READ, None, None, "The status as server-sent events."),
)  # fmt: skip
_REFUSALS: Final = {
    "400": "The message is malformed.",
    "401": "No valid bearer token.",
    "403": "The token's scope, the host or the origin does not allow it.",
    "408": "The body took too long.",
    "413": "The body is too large.",
    "415": "The content type is not application/json.",
    "429": "Too many requests.",
    "503": "The answer could not be made durable, or the agent is not ready.",
}
_EVENT: Final = {"type": "integer", "minimum": 0, "maximum": 10**15 - 1}
_ASKED: Final[dict[str, dict[str, Any]]] = {
    "before": _EVENT,
    "after": _EVENT,
    "limit": {"type": "integer", "minimum": 1, "maximum": LIMIT_MAX},
    "kind": {"type": "string", "enum": ["", *KINDS]},
}
_PROBES: Final = {"health": "Not ready.", "live": "Not alive."}
_MONEY: Final = {"type": "string", "pattern": r"^-?[0-9]+(\.[0-9]+)?$"}
_NAME: Final = {"type": "string", "pattern": "^[A-Za-z0-9][A-Za-z0-9_.:@-]{0,63}$"}
_PLACE: Final = {"type": "string", "pattern": "^[A-Za-z0-9][A-Za-z0-9_.:@/-]{0,127}$"}
_TAKEN: Final[dict[str, dict[str, Any]]] = {
    "request_id": _NAME,
    "actor": _NAME,
    "reason": {"type": "string", "pattern": "^[!-~]([ -~]{0,298}[!-~])?$"},
    "expected_epoch": {"type": "integer", "minimum": 0, "maximum": 2**53},
    "code": {"type": "string", "pattern": "^[A-Za-z0-9][A-Za-z0-9_.:@-]{0,63}$"},
    "subject": {"type": "string", "pattern": "^[A-Za-z0-9_.:@/-]{0,64}$"},
    "budget": {"type": "string", "pattern": r"^[0-9]{1,18}(\.[0-9]{1,10})?$"},
    "category": _NAME,
    "asset": _NAME,
    "amount": {"type": "string", "pattern": r"^-?[0-9]{1,18}(\.[0-9]{1,18})?$"},
    "mark": {"type": "string", "pattern": r"^([0-9]{1,18}(\.[0-9]{1,10})?)?$"},
    "transfer_id": _NAME,
    "approved": {"type": "boolean"},
    "cause": _PLACE,
    "source": _PLACE,
    "target": _PLACE,
}


def document(version: str) -> dict[str, Any]:
    """Return the whole description as plain values."""
    schemas: dict[str, Any] = {}
    paths: dict[str, Any] = {}
    for operation in OPERATIONS:
        paths.setdefault(operation.path, {})[operation.method.lower()] = _operation(operation, schemas)
    _reference(Problem, schemas)
    return {
        "openapi": "3.1.0",
        "info": {"title": "meva controls", "version": version},
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}},
        },
        "security": [{"bearer": []}],
    }


def _operation(operation: Operation, schemas: dict[str, Any]) -> dict[str, Any]:
    done: dict[str, Any] = {"text/plain": {"schema": {"type": "string"}}}
    if operation.name == "stream":
        done = {"text/event-stream": {"schema": {"type": "string"}}}
    if operation.gives is not None:
        done = {"application/json": {"schema": _reference(operation.gives, schemas)}}
    refused = {"application/json": {"schema": _reference(Problem, schemas)}}
    responses = {"200": {"description": "Done.", "content": done}}
    responses |= {code: {"description": text, "content": refused} for code, text in _REFUSALS.items()}
    if operation.gives is ControlAnswer:
        responses["409"] = {"description": "The agent refused; the answer says why.", "content": done}
    if operation.name in _PROBES:
        responses["503"] = {"description": _PROBES[operation.name], "content": done}
    described: dict[str, Any] = {
        "operationId": operation.name,
        "summary": operation.summary,
        "description": f"Needs the scope {operation.scope.name.lower()}.",
        "responses": responses,
    }
    if operation.takes is not None:
        schema = _reference(operation.takes, schemas)
        described["requestBody"] = {"required": True, "content": {"application/json": {"schema": schema}}}
    parameters: list[dict[str, Any]] = []
    if "{" in operation.path:
        name = {"type": "string", "pattern": "^[A-Za-z0-9_.-]{1,64}$"}
        parameters.append({"name": "client_order_id", "in": "path", "required": True, "schema": name})
        responses["404"] = {"description": "This session knows no order of that name.", "content": refused}
    if operation.asks is not None:
        parameters += [
            {"name": field.name, "in": "query", "schema": _ASKED[field.name] | {"default": field.default}}
            for field in attrs.fields(operation.asks)
        ]
    if parameters:
        described["parameters"] = parameters
    return described


def _reference(kind: type, schemas: dict[str, Any]) -> dict[str, Any]:
    name = kind.__name__
    if name not in schemas:
        schemas[name] = {}  # Taken before its fields are described, so that a cycle would end.
        hints = get_type_hints(kind)
        is_taken = kind.__name__.endswith("Request")
        fields = {
            field.name: _TAKEN[field.name] if is_taken else _schema(hints[field.name], schemas)
            for field in attrs.fields(kind)
        }
        schemas[name] = {
            "type": "object",
            "description": (kind.__doc__ or "").split("\n", maxsplit=1)[0],
            "properties": fields,
            "required": list(fields),
            "additionalProperties": False,
        }
    return {"$ref": f"#/components/schemas/{name}"}


def _schema(hint: Any, schemas: dict[str, Any]) -> dict[str, Any]:
    plain = {str: {"type": "string"}, bool: {"type": "boolean"}, int: {"type": "integer"}, Decimal: _MONEY}
    if hint in plain:
        return dict(plain[hint])
    origin = get_origin(hint)
    if origin is tuple:
        return {"type": "array", "items": _schema(get_args(hint)[0], schemas)}
    if origin is dict:
        return {"type": "object", "additionalProperties": _schema(get_args(hint)[1], schemas)}
    if isinstance(hint, types.UnionType) or not attrs.has(hint):
        raise TypeError(f"{hint} has no description")
    return _reference(hint, schemas)
