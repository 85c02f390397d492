"""Only risk approves an order, and no code asks in which mode it runs."""

from __future__ import annotations

import ast
from collections.abc import Iterator

import pytest

from tests.tidy.reading import PACKAGES, Finding, Source, calls, dotted, findings, found_in, python_files

MODE_NAMES = frozenset({"mode", "run_mode", "trading_mode"})


def foreign_approval(source: Source) -> Iterator[Finding]:
    """Find approvals that are constructed outside the risk package."""
    if source.path.startswith("meva_core/risk/"):
        return
    for node, name in calls(source.tree):
        if name.rpartition(".")[2] == "Approved" or name.endswith("Approved.__new__"):
            yield Finding(node.lineno, "Approved() is the permission that risk alone gives")
        if name.endswith("evolve") and node.args and "approved" in ast.unparse(node.args[0]):
            yield Finding(node.lineno, "an approval is taken as it is, or not at all")


def asked_mode(source: Source) -> Iterator[Finding]:
    """Find branches on the mode: replay, paper, shadow and live differ by what is composed.

    To compare two modes with each other is fair: so a store knows whether it is its own. And settings may be
    judged by the mode that they are for: live needs limits that a replay does without.
    """
    if source.path.startswith("meva_core/config/"):
        return
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Compare):
            sides = [node.left, *node.comparators]
            if any(map(_is_mode, sides)) and any(map(_names_one_mode, sides)):
                yield Finding(node.lineno, f"{ast.unparse(node)[:60]}: modes differ by composition")
        if isinstance(node, ast.Match) and _is_mode(node.subject):
            yield Finding(node.lineno, f"match {ast.unparse(node.subject)}: modes differ by composition")


def _is_mode(node: ast.expr) -> bool:
    return dotted(node).rpartition(".")[2] in MODE_NAMES


def _names_one_mode(node: ast.expr) -> bool:
    match node:
        case ast.Constant(value=value):
            return isinstance(value, str)
        case ast.Tuple(elts=elements) | ast.List(elts=elements) | ast.Set(elts=elements):
            return any(map(_names_one_mode, elements))
        case _:
            return dotted(node).rpartition(".")[2].isupper()


def test_only_risk_approves() -> None:
    """No other package, no example and no benchmark makes an approval of its own."""
    assert [] == findings(foreign_approval, python_files(*PACKAGES, "examples/", "benchmarks/"))


def test_no_code_asks_for_its_mode() -> None:
    """No package branches on the mode."""
    assert [] == findings(asked_mode, python_files(*PACKAGES))


@pytest.mark.parametrize(
    "snippet",
    [
        "Approved(intent)",
        "commands.Approved(intent)",
        "object.__new__(Approved)\nApproved.__new__(Approved)",
        "evolve(approved, x=1)",
    ],
)
def test_a_foreign_approval_is_found(snippet: str) -> None:
    """A constructor, a bypass of it and a changed copy are seen."""
    assert 1 == len(found_in(foreign_approval, snippet, "meva_core/execution/example.py"))


def test_risk_may_approve() -> None:
    """The gate makes approvals."""
    assert [] == found_in(foreign_approval, "Approved(intent)", "meva_core/risk/policy_service.py")


@pytest.mark.parametrize(
    "snippet",
    [
        "if mode == 'live': f()",
        "x = 1 if self.mode is Mode.LIVE else 2",
        "if config.mode in LIVE: f()",
        "match mode:\n    case 'live': f()",
    ],
)
def test_a_branch_on_the_mode_is_found(snippet: str) -> None:
    """Equality, identity, membership and match are seen."""
    assert 1 == len(found_in(asked_mode, snippet))


@pytest.mark.parametrize(
    "snippet",
    [
        "if path.mode != 0o600: f()",
        "x = mode",
        "if stat.S_IMODE(m) & 0o077: f()",
        "if header.mode != mode: f()",
        "if mode not in {None, header.mode}: f()",
    ],
)
def test_other_modes_pass(snippet: str) -> None:
    """The permission bits of a file, and two modes compared, are no branch on the mode."""
    assert [] == found_in(asked_mode, snippet)


def test_settings_may_be_judged_by_their_mode() -> None:
    """A check of settings is composition."""
    assert [] == found_in(asked_mode, "if config.mode is Mode.LIVE: f()", "meva_core/config/safety.py")
