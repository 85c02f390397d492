"""The core never lets the order of a set decide: it neither iterates nor pops one."""

from __future__ import annotations

import ast
from collections.abc import Iterator

import pytest

from tests.tidy.reading import Finding, Source, dotted, findings, found_in, python_files

SET_TYPES = frozenset({"set", "frozenset", "AbstractSet", "Set", "MutableSet"})
SET_METHODS = frozenset({"union", "intersection", "difference", "symmetric_difference"})
ORDERED_BY = frozenset(
    {"list", "tuple", "iter", "enumerate", "next", "zip", "map", "filter", "reversed", "dict"}
)
Scope = ast.Module | ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda


def set_iteration(source: Source) -> Iterator[Finding]:
    """Find loops, comprehensions, conversions, unpackings and pops of sets. `sorted(...)` is the way out."""
    attributes = _set_names(ast.walk(source.tree), attributes=True)
    yield from _in_scope(source.tree, attributes, frozenset())


def _in_scope(scope: Scope, attributes: frozenset[str], outer: frozenset[str]) -> Iterator[Finding]:
    names = outer | _set_names(_own_nodes(scope), attributes=False)
    for node in _own_nodes(scope):
        for iterated, how in _iterated(node):
            if _is_set(iterated, names | attributes):
                yield Finding(
                    iterated.lineno, f"{how} the set {ast.unparse(iterated)[:40]}: sort by a stated key"
                )
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            yield from _in_scope(node, attributes, names)


def _own_nodes(scope: Scope) -> Iterator[ast.AST]:
    """Return the nodes of *scope*, inner functions themselves included but not what is inside them."""
    waiting = list(ast.iter_child_nodes(scope))
    while waiting:
        node = waiting.pop(0)
        yield node
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            waiting[:0] = ast.iter_child_nodes(node)


def _iterated(node: ast.AST) -> Iterator[tuple[ast.expr, str]]:
    match node:
        case ast.For(iter=iterated) | ast.AsyncFor(iter=iterated) | ast.comprehension(iter=iterated):
            yield iterated, "iterates over"
        case ast.Starred(value=value, ctx=ast.Load()):
            yield value, "unpacks"
        case ast.YieldFrom(value=value):
            yield value, "yields from"
        case ast.Call(func=ast.Attribute(value=value, attr="pop"), args=[]):
            yield value, "pops from"
        case ast.Call(func=ast.Attribute(attr="join" | "extend" | "fromkeys"), args=[argument, *_]):
            yield argument, "orders"
        case ast.Call(func=ast.Name(id=name), args=arguments) if name in ORDERED_BY:
            yield from ((argument, "orders") for argument in arguments)


def _is_set(node: ast.AST, names: frozenset[str]) -> bool:
    match node:
        case ast.Set() | ast.SetComp():
            return True
        case ast.Call(func=ast.Name(id=name)) if name in SET_TYPES:
            return True
        case ast.Call(func=ast.Attribute(value=value, attr=attr)) if attr in SET_METHODS | {"copy"}:
            return attr != "copy" or _is_set(value, names)
        case ast.BinOp(left=left, op=ast.BitOr() | ast.BitAnd() | ast.Sub() | ast.BitXor(), right=right):
            return _is_set(left, names) or _is_set(right, names)
        case ast.Name(id=name):
            return name in names
        case ast.Attribute(attr=attr):
            return f".{attr}" in names
        case _:
            return False


def _set_names(nodes: Iterator[ast.AST], *, attributes: bool) -> frozenset[str]:
    """Return the names that are bound to sets; attributes carry a leading dot."""
    found = set()
    for node in nodes:
        match node:
            case ast.Assign(targets=[target], value=value) if _is_set(value, frozenset()):
                found.add(_name(target, node))
            case ast.AnnAssign(target=target, annotation=annotation) if _is_set_type(annotation):
                found.add(_name(target, node))
            case ast.arg(arg=name, annotation=ast.expr() as annotation) if _is_set_type(annotation):
                found.add(name)
            case _:
                continue
    return frozenset(name for name in found if name.startswith(".") is attributes)


def _name(target: ast.expr, node: ast.AST) -> str:
    if isinstance(target, ast.Attribute):
        return f".{target.attr}"
    in_class = isinstance(getattr(node, "parent", None), ast.ClassDef)
    return f"{'.' if in_class else ''}{dotted(target)}"


def _is_set_type(annotation: ast.expr) -> bool:
    base = annotation.value if isinstance(annotation, ast.Subscript) else annotation
    return dotted(base).rpartition(".")[2] in SET_TYPES


def test_no_set_decides_an_order() -> None:
    """No module of the core iterates over a set."""
    assert [] == findings(set_iteration, python_files("meva_core/"))


@pytest.mark.parametrize(
    "snippet",
    [
        "for x in {1, 2}: f(x)",
        "for x in set(y): f(x)",
        "[x for x in frozenset(y)]",
        "[f(x) for x in {y for y in z}]",
        "list({1, 2})",
        "f(*{1, 2})",
        "known = {1, 2}\nfor x in known: f(x)",
        "def g(known: set[int]):\n    return tuple(known)",
        "def g(known: frozenset[int]):\n    return ','.join(known)",
        "class A:\n    def f(self):\n        self.seen: set[str] = set()\n        return self.seen.pop()",
        "class A:\n    seen: set[str]\n    def f(self):\n        return [x for x in self.seen]",
        "for x in a - {1}: f(x)",
        "for x in a.union(b): f(x)",
    ],
)
def test_set_iteration_is_found(snippet: str) -> None:
    """Direct, named, annotated and computed sets are seen."""
    assert 1 == len(found_in(set_iteration, snippet))


@pytest.mark.parametrize(
    "snippet",
    [
        "for x in sorted({1, 2}): f(x)",
        "x in {1, 2}",
        "len({1, 2}) == 2",
        "def g():\n    known = {1}\n    return 1 in known\ndef h(known: list[int]):\n    return tuple(known)",
        "stack = []\nstack.pop()",
        "for x in {1: 2}: f(x)",
    ],
)
def test_innocent_code_passes(snippet: str) -> None:
    """Membership, size, sorted order, lists and dictionaries are no findings."""
    assert [] == found_in(set_iteration, snippet)
