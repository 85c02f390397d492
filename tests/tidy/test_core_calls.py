"""The core calls nothing that reads a clock, draws chance, does I/O or depends on a memory address."""

from __future__ import annotations

import ast
from collections.abc import Iterator

import pytest

from tests.tidy.reading import Finding, Rule, Source, calls, dotted, findings, found_in, python_files

BANNED = {
    "open": "does I/O",
    "print": "does I/O",
    "input": "does I/O",
    "hash": "differs between processes",
    "id": "differs between processes",
    "globals": "reaches for hidden state",
    "vars": "reaches for hidden state",
    "__import__": "loads code",
    "datetime.now": "reads a clock",
    "datetime.utcnow": "reads a clock",
    "datetime.today": "reads a clock",
    "date.today": "reads a clock",
    "uuid1": "draws chance",
    "uuid4": "draws chance",
    "urandom": "draws chance",
    "getenv": "reads the environment",
}
BANNED_MODULES = {
    "time": "reads a clock",
    "random": "draws chance",
    "secrets": "draws chance",
    "uuid": "draws chance",
    "os": "reaches outside",
    "sys": "reaches outside",
}


def forbidden_calls(source: Source) -> Iterator[Finding]:
    """Find banned calls, under whatever module name they are reached."""
    for node, name in calls(source.tree):
        first, _, _ = name.partition(".")
        last_two = ".".join(name.split(".")[-2:])
        reason = BANNED.get(name) or BANNED.get(last_two)
        if reason is None and "." in name:
            reason = BANNED_MODULES.get(first)
        if reason is None and name.rpartition(".")[2] in {"uuid1", "uuid4", "urandom", "getenv"}:
            reason = BANNED[name.rpartition(".")[2]]
        if reason is not None:
            yield Finding(node.lineno, f"{name}() {reason}")


def hidden_state(source: Source) -> Iterator[Finding]:
    """Find `global`, and functions that are async outside the ports."""
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Global):
            yield Finding(node.lineno, f"global {', '.join(node.names)}: pass state in and out")
        if isinstance(node, ast.AsyncFunctionDef) and not source.path.startswith("meva_core/ports/"):
            yield Finding(node.lineno, f"async def {node.name}: only ports wait")


def inexact_functions(source: Source) -> Iterator[Finding]:
    """Find functions whose last bit differs between platforms, outside the statistics for people."""
    if source.path.startswith("meva_core/ops/"):
        return
    exact = {
        "sqrt",
        "isqrt",
        "floor",
        "ceil",
        "trunc",
        "isfinite",
        "isnan",
        "isinf",
        "gcd",
        "lcm",
        "fsum",
        "copysign",
    }
    for node in ast.walk(source.tree):
        if not isinstance(node, ast.Attribute):
            continue
        name = dotted(node)
        if name.startswith("math.") and name.removeprefix("math.") not in exact | {"inf", "nan"}:
            yield Finding(node.lineno, f"{name} is not the same to the last bit on every machine")


@pytest.mark.parametrize("rule", [forbidden_calls, hidden_state, inexact_functions])
def test_the_core_is_pure(rule: Rule) -> None:
    """No module of the core breaks the rule."""
    assert [] == findings(rule, python_files("meva_core/"))


@pytest.mark.parametrize(
    "snippet",
    [
        "open('x')",
        "print(1)",
        "hash('a')",
        "id(object())",
        "time.time_ns()",
        "time.monotonic()",
        "datetime.now()",
        "datetime.datetime.now(tz)",
        "datetime.datetime.utcnow()",
        "random.random()",
        "uuid.uuid4()",
        "uuid4()",
        "os.urandom(8)",
        "urandom(8)",
        "os.environ.get('A')",
    ],
)
def test_a_forbidden_call_is_found(snippet: str) -> None:
    """Each banned call is seen."""
    assert 1 == len(found_in(forbidden_calls, snippet))


@pytest.mark.parametrize(
    "snippet",
    ["def f():\n    global x\n    x = 1", "async def f(): ...", "class A:\n    async def f(self): ..."],
)
def test_hidden_state_is_found(snippet: str) -> None:
    """A global statement and a coroutine are seen."""
    assert 1 == len(found_in(hidden_state, snippet))


def test_ports_may_wait() -> None:
    """The ports of the network are coroutines."""
    assert [] == found_in(hidden_state, "async def f(): ...", "meva_core/ports/exchange.py")


@pytest.mark.parametrize("name", ["exp", "log", "pow", "sin", "tanh"])
def test_an_inexact_function_is_found(name: str) -> None:
    """What differs between machines is seen on the path to a decision."""
    assert 1 == len(found_in(inexact_functions, f"math.{name}(x)", "meva_core/signals/example.py"))


@pytest.mark.parametrize(
    "snippet", ["math.sqrt(x)", "order.id", "datetime.fromtimestamp(x, UTC)", "self.open()"]
)
def test_innocent_code_passes(snippet: str) -> None:
    """A name that only looks alike is no finding."""
    assert [] == [*found_in(forbidden_calls, snippet), *found_in(inexact_functions, snippet)]
