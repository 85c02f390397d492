"""The OpenAPI document is valid, and the server does what it says and nothing else."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import schemathesis
from hypothesis import HealthCheck, given, settings
from openapi_spec_validator import validate

from meva_adapters.controls.access import Scope, read_token
from meva_adapters.controls.doorkeeper import DoorSettings
from meva_adapters.controls.openapi import OPERATIONS, document
from tests.integration.controls.controls_case import served


def test_the_document_is_valid() -> None:
    """A validator written by others finds no fault in it."""
    described = document("1")
    validate(described)

    assert {item.path for item in OPERATIONS} == set(described["paths"])


async def test_generated_requests_find_no_undocumented_answer(tmp_path: Path) -> None:
    """Schemathesis sends what the document allows, and what it forbids; each answer is one that it describes."""
    async with served(tmp_path, door=DoorSettings(requests_per_s=100_000, failures_per_min=100_000)) as (
        desk,
        client,
    ):
        desk.trade()
        async with client.http.get(client.url("/v1/openapi.json"), headers=client.headers()) as response:
            described = await response.json()
        base = client.url("")
        headers = {"Authorization": f"Bearer {read_token(client.folder, Scope.ARM)}"}
        checked = await asyncio.to_thread(_call_everything, described, base, headers)

    assert {item.name for item in OPERATIONS if item.name != "stream"} == checked


def _call_everything(described: dict[str, Any], base: str, headers: dict[str, str]) -> set[str]:
    """Check the answers to generated requests; return the operations that were called."""
    described["paths"].pop("/v1/stream")  # It never ends.
    schema = schemathesis.openapi.from_dict(described)
    checked = set()
    for result in schema.get_all_operations():
        operation = result.ok()
        _call_often(operation, base, headers)
        checked.add(operation.definition.raw["operationId"])
    return checked


def _call_often(operation: Any, base: str, headers: dict[str, str]) -> None:
    # An agent that is not ready says 503, as documented; no other operation may.
    name = operation.definition.raw["operationId"]
    excluded = [schemathesis.checks.not_a_server_error] if name == "health" else []

    @settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck), database=None)
    @given(case=operation.as_strategy())
    def call(case: Any) -> None:
        case.call_and_validate(base_url=base, headers=headers, excluded_checks=excluded)

    call()
