"""A file holds one idea, a function one thought, and a runner nothing but composition."""

from __future__ import annotations

import ast
from collections.abc import Iterator

import pytest

from tests.tidy.reading import EVERYWHERE, Finding, Source, findings, found_in, python_files

FILE_LINES_MAX = 500
FUNCTION_LINES_MAX = 70
RUNNER_LINES_MAX = 40
RUNNERS = tuple(
    f"meva_runners/{name}.py" for name in ("replay", "paper", "shadow", "live", "simulate", "venue")
)


def too_long(source: Source) -> Iterator[Finding]:
    """Find files, runners and functions above their limit."""
    limit = RUNNER_LINES_MAX if source.path in RUNNERS else FILE_LINES_MAX
    lines = len(source.text.splitlines())
    if lines > limit:
        yield Finding(limit + 1, f"{lines} lines, at most {limit}: more than one idea?")
    for node in ast.walk(source.tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            if length > FUNCTION_LINES_MAX:
                yield Finding(node.lineno, f"{node.name} has {length} lines, at most {FUNCTION_LINES_MAX}")


def test_everything_is_small() -> None:
    """No file and no function of the project is above its limit."""
    assert [] == findings(too_long, python_files(*EVERYWHERE))


@pytest.mark.parametrize(
    ("snippet", "path"),
    [
        ("x = 1\n" * 501, "meva_core/example.py"),
        ("x = 1\n" * 41, "meva_runners/replay.py"),
        ("def f():\n" + "    x = 1\n" * 70, "meva_core/example.py"),
        ("class A:\n    async def f(self):\n" + "        x = 1\n" * 70, "tests/example.py"),
    ],
)
def test_what_is_too_long_is_found(snippet: str, path: str) -> None:
    """One line above the limit is seen."""
    assert 1 == len(found_in(too_long, snippet, path))


@pytest.mark.parametrize(
    ("snippet", "path"),
    [
        ("x = 1\n" * 500, "meva_core/example.py"),
        ("x = 1\n" * 40, "meva_runners/replay.py"),
        ("def f():\n" + "    x = 1\n" * 69, "meva_core/example.py"),
    ],
)
def test_the_limit_itself_passes(snippet: str, path: str) -> None:
    """What is exactly as long as allowed is no finding."""
    assert [] == found_in(too_long, snippet, path)
