"""Money is never a float: not in the code that handles it, and never on the way into a Decimal."""

from __future__ import annotations

import ast
from collections.abc import Iterator

import pytest

from tests.tidy.reading import (
    PACKAGES,
    Finding,
    Source,
    calls,
    dotted,
    findings,
    found_in,
    parent_of,
    python_files,
)

MONEY_CODE = (
    "meva_core/risk/",
    "meva_core/execution/",
    "meva_core/portfolio/",
    "meva_core/model/money.py",
    "meva_core/model/order.py",
    "meva_core/model/fill.py",
)


def floats(source: Source) -> Iterator[Finding]:
    """Find float literals, calls of float and annotations with float."""
    for node in ast.walk(source.tree):
        match node:
            case ast.Constant(value=float() | complex() as value):
                yield Finding(node.lineno, f"{value} is a float literal")
            case ast.Call(func=ast.Name(id="float")):
                yield Finding(node.lineno, "float() in money code")
            case ast.Name(id="float") if not _is_refused(node):
                yield Finding(node.lineno, "float in money code")


def decimal_of_float(source: Source) -> Iterator[Finding]:
    """Find Decimals made from floats: the digits behind the sixteenth would be invented."""
    for node, name in calls(source.tree):
        if name.endswith("Decimal.from_float"):
            yield Finding(node.lineno, "Decimal.from_float invents digits")
        if name.rpartition(".")[2] == "Decimal" and node.args and _is_float(node.args[0]):
            yield Finding(node.lineno, f"{ast.unparse(node)} invents digits: give text")


def _is_float(node: ast.expr) -> bool:
    match node:
        case ast.UnaryOp(operand=operand):
            return _is_float(operand)
        case ast.Constant(value=float()) | ast.Call(func=ast.Name(id="float")) | ast.BinOp(op=ast.Div()):
            return True
        case _:
            return False


def _is_refused(node: ast.Name) -> bool:
    """Return whether *node* stands in an isinstance, where money code refuses floats, or is called."""
    holder = parent_of(node)
    while isinstance(holder, ast.Tuple | ast.BinOp):
        holder = parent_of(holder)
    return isinstance(holder, ast.Call) and dotted(holder.func) in {"isinstance", "float"}


def test_money_code_has_no_float() -> None:
    """Risk, execution, portfolio, money, orders and fills do without floats."""
    assert [] == findings(floats, python_files(*MONEY_CODE))


def test_no_decimal_is_made_from_a_float() -> None:
    """Nowhere does a float become a Decimal."""
    assert [] == findings(decimal_of_float, python_files(*PACKAGES))


@pytest.mark.parametrize(
    "snippet", ["x = 0.1", "x = 1e-8", "float(x)", "def f(x: float): ...", "x: list[float] = []"]
)
def test_a_float_is_found(snippet: str) -> None:
    """Literals, calls and annotations are seen, each once."""
    assert 1 == len(found_in(floats, snippet))


@pytest.mark.parametrize(
    "snippet",
    ["Decimal(0.1)", "decimal.Decimal(-0.1)", "Decimal(float(x))", "Decimal(1 / 3)", "Decimal.from_float(x)"],
)
def test_a_decimal_of_a_float_is_found(snippet: str) -> None:
    """Every way from a float to a Decimal is seen."""
    assert 1 == len(found_in(decimal_of_float, snippet))


@pytest.mark.parametrize(
    "snippet", ["Decimal('0.1')", "Decimal(1)", "isinstance(x, float)", "isinstance(x, (int, float))"]
)
def test_exact_code_passes(snippet: str) -> None:
    """Text, integers and the refusal of a float are no findings."""
    assert [] == [*found_in(floats, snippet), *found_in(decimal_of_float, snippet)]
