"""Whoever is woken reads what the agent did and what to do, and finds the same in the runbook."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from meva_core.ops.alert_guide import GUIDES, with_guide

ROOT = Path(__file__).resolve().parents[3]
RUNBOOK = (ROOT / "docs" / "runbook.md").read_text(encoding="utf-8")
OPERATE = (ROOT / "docs" / "operate.md").read_text(encoding="utf-8")
# Told by who watches from outside, or about the telling itself: each carries its own advice.
OF_THE_WATCH = {"alert_channel_failed", "heartbeat_missing", "agent_died"}
# Where the code stands among the arguments of what raises an alert, or closes the gate, which raises one.
TELLERS = {"trigger": 1, "_tell": 1, "_call": 0, "RaiseAlert": 1, "GateMarker": 0}


def test_a_message_says_since_when_what_was_done_and_what_to_do() -> None:
    """In this order, behind what happened; the section of the runbook stands last."""
    text = with_guide("clock_offset", "the clocks are 2 s apart.", "2026-03-02 03:00:00 UTC")

    assert (
        "the clocks are 2 s apart. Since 2026-03-02 03:00:00 UTC. No new order leaves, resting orders stay. "
        "To do: Mend the time synchronisation of the machine. (docs/runbook.md#clock_offset)"
    ) == text


def test_an_alert_of_somebody_else_keeps_its_words() -> None:
    """Nothing is made up about a code that is not ours."""
    assert "it rains. Since today." == with_guide("rain", "it rains", "today")


@pytest.mark.parametrize("code", [*GUIDES, *OF_THE_WATCH])
def test_every_code_has_its_section_and_its_row(code: str) -> None:
    """The runbook and the table of alerts name it."""
    assert f"\n## {code}\n" in RUNBOOK
    assert f"`{code}`" in OPERATE.split("## Alerts")[1].split("## Metrics")[0]


@pytest.mark.parametrize("code", GUIDES)
def test_the_runbook_says_the_same(code: str) -> None:
    """Whole sentences, word for word."""
    section = RUNBOOK.split(f"\n## {code}\n")[1].split("\n## ")[0]

    assert f"- **The agent:** {GUIDES[code].effect}\n- **To do:** {GUIDES[code].remedy}\n" in section
    assert all(text[0] == "`" or text[0].isupper() for text in (GUIDES[code].effect, GUIDES[code].remedy))


def test_no_section_is_about_an_alert_that_does_not_exist() -> None:
    """What is no longer raised is no longer explained."""
    assert set(re.findall(r"^## (\w+)$", RUNBOOK, re.MULTILINE)) == {*GUIDES, *OF_THE_WATCH}


def test_every_alert_that_the_agent_can_raise_has_a_guide() -> None:
    """The codes are read from the sources: a new one that nobody explains fails here."""
    constants: dict[str, str] = {}
    calls: list[ast.Call] = []
    for package in ("meva_core", "meva_runners/trading"):
        for path in sorted((ROOT / package).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Assign | ast.AnnAssign) and isinstance(node.value, ast.Constant):
                    targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                    constants |= {
                        item.id: str(node.value.value) for item in targets if isinstance(item, ast.Name)
                    }
                if isinstance(node, ast.Call) and name_of(node.func) in TELLERS:
                    calls.append(node)
    raised = {code for call in calls if (code := code_of(call, constants))} - {"digest"}

    assert raised <= {*GUIDES, *OF_THE_WATCH}
    assert {
        "stale_data",
        "order_unknown",
        "market_rules",
        "cost_refused",
        "transfer_not_instructed",
    } <= raised


def name_of(function: ast.expr) -> str:
    """Return the last name of what is called."""
    return getattr(function, "attr", "") or getattr(function, "id", "")


def code_of(call: ast.Call, constants: dict[str, str]) -> str:
    """Return the code that *call* raises; empty where it hands on what it was given."""
    position = TELLERS[name_of(call.func)]
    if len(call.args) <= position:
        return ""
    code = call.args[position]
    if isinstance(code, ast.Constant):
        return str(code.value)
    if isinstance(code, ast.Name) and code.id.isupper():
        return constants[code.id]
    return ""
