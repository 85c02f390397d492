"""No module of the core keeps state: what stands at its top level is a constant, and says so."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

import pytest

from tests.tidy.reading import Finding, Rule, Source, dotted, findings, found_in, python_files

MUTABLE_TYPES = frozenset(
    {"list", "dict", "set", "bytearray", "defaultdict", "deque", "Counter", "OrderedDict", "array"}
)
CONSTANT_NAME = re.compile(r"_?[A-Z][A-Z0-9_]*|__all__")


def module_state(source: Source) -> Iterator[Finding]:
    """Find mutable values that a module binds to a name which is neither UPPER_CASE nor Final."""
    for node in source.tree.body:
        match node:
            case ast.Assign(targets=targets, value=value) if _is_mutable(value):
                names = [dotted(target) for target in targets]
            case ast.AnnAssign(target=target, annotation=annotation, value=ast.expr() as value) if (
                _is_mutable(value)
            ):
                names = [] if "Final" in ast.unparse(annotation) else [dotted(target)]
            case _:
                continue
        for name in names:
            if not CONSTANT_NAME.fullmatch(name):
                yield Finding(node.lineno, f"{name} is mutable state of the module")


def mutated_tables(source: Source) -> Iterator[Finding]:
    """Find functions that change a table of their own module."""
    tables = {
        dotted(target)
        for node in source.tree.body
        if isinstance(node, ast.Assign | ast.AnnAssign)
        for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
    } - {""}
    changing = {
        "append",
        "add",
        "update",
        "extend",
        "insert",
        "pop",
        "popitem",
        "clear",
        "remove",
        "discard",
        "setdefault",
    }
    for function in ast.walk(source.tree):
        if not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        for node in ast.walk(function):
            match node:
                case ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr=attr)) if attr in changing:
                    changed = name
                case ast.Subscript(value=ast.Name(id=name), ctx=ast.Store() | ast.Del()):
                    changed = name
                case _:
                    continue
            if changed in tables:
                yield Finding(node.lineno, f"{changed} of the module is changed: pass state in and out")


def _is_mutable(value: ast.expr) -> bool:
    if isinstance(value, ast.List | ast.Dict | ast.Set | ast.ListComp | ast.DictComp | ast.SetComp):
        return True
    return isinstance(value, ast.Call) and dotted(value.func).rpartition(".")[2] in MUTABLE_TYPES


@pytest.mark.parametrize("rule", [module_state, mutated_tables])
def test_no_module_of_the_core_keeps_state(rule: Rule) -> None:
    """Two runs in one process cannot see each other."""
    assert [] == findings(rule, python_files("meva_core/"))


@pytest.mark.parametrize(
    "snippet", ["cache = {}", "seen: list[str] = []", "orders = defaultdict(list)", "known = {x for x in y}"]
)
def test_module_state_is_found(snippet: str) -> None:
    """Plain, annotated, called and computed containers are seen."""
    assert 1 == len(found_in(module_state, snippet))


@pytest.mark.parametrize(
    "snippet",
    [
        "TABLE = {}\ndef f(x):\n    TABLE[x] = 1",
        "_SEEN: Final = set()\ndef f(x):\n    _SEEN.add(x)",
        "TABLE = {}\ndef f(x):\n    del TABLE[x]",
    ],
)
def test_a_changed_table_is_found(snippet: str) -> None:
    """A constant that a function writes to is no constant."""
    assert 1 == len(found_in(mutated_tables, snippet))


@pytest.mark.parametrize(
    "snippet",
    [
        "TABLE = {1: 2}",
        "_ROWS = [1]",
        "names: Final = [1]",
        "__all__ = ['a']",
        "def f():\n    x = {}\n    x[1] = 2",
    ],
)
def test_constants_pass(snippet: str) -> None:
    """Constant tables and local containers are no findings."""
    assert [] == [*found_in(module_state, snippet), *found_in(mutated_tables, snippet)]
