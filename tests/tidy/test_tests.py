"""Every test can fail: it asserts something, or expects an error."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

import pytest

from tests.tidy.reading import Finding, Source, findings, found_in, python_files

CLAIMS = re.compile(r"(^|[._])(assert|raises|warns|check|verify|expect|fail|run_state_machine)")


def claims_nothing(source: Source) -> Iterator[Finding]:
    """Find test functions without an assertion."""
    for node in ast.walk(source.tree):
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) or not node.name.startswith("test_"):
            continue
        if not any(_claims(inner) for inner in ast.walk(node)):
            yield Finding(node.lineno, f"{node.name} asserts nothing")


def _claims(node: ast.AST) -> bool:
    if isinstance(node, ast.Assert):
        return not isinstance(node.test, ast.Constant)
    return isinstance(node, ast.Call) and bool(CLAIMS.search(ast.unparse(node.func)))


def test_every_test_claims_something() -> None:
    """No test of the project, and no case of a contract kit, is empty."""
    assert [] == findings(claims_nothing, python_files("tests/", "meva_adapters/contracts/"))


@pytest.mark.parametrize(
    "snippet",
    [
        "def test_a():\n    f()",
        "async def test_a():\n    await f()",
        "class TestA:\n    def test_a(self): ...",
        "def test_a():\n    assert True",
    ],
)
def test_an_empty_test_is_found(snippet: str) -> None:
    """A test that could not fail is seen."""
    assert 1 == len(found_in(claims_nothing, snippet))


@pytest.mark.parametrize(
    "snippet",
    [
        "def test_a():\n    assert f()",
        "def test_a():\n    with pytest.raises(E):\n        f()",
        "def test_a():\n    assert_same(x)",
    ],
)
def test_a_claim_passes(snippet: str) -> None:
    """An assertion, an expected error and an asserting function are claims."""
    assert [] == found_in(claims_nothing, snippet)
