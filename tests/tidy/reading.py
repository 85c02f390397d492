"""Read the project's files for the tidy checks; judge none of them."""

from __future__ import annotations

import ast
import subprocess
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Final, NamedTuple

ROOT: Final = Path(__file__).resolve().parents[2]
PACKAGES: Final = ("meva_core/", "meva_adapters/", "meva_runners/")
EVERYWHERE: Final = ("",)
_NOT_TEXT: Final = frozenset({".db", ".gif", ".gz", ".ico", ".parquet", ".png", ".svgz", ".woff2", ".zip"})


class Source(NamedTuple):
    """Hold one file: *path* relative to the project, with forward slashes, and its *text*."""

    path: str
    text: str

    @property
    def tree(self) -> ast.Module:
        """Return the syntax tree of a Python file, each node knowing its *parent*."""
        return _parse(self.text, self.path)


class Finding(NamedTuple):
    """Say what is wrong in which line."""

    line: int
    message: str


Rule = Callable[[Source], Iterable[Finding]]


def findings(rule: Rule, sources: Iterable[Source]) -> list[str]:
    """Return what *rule* finds in *sources*, one `path:line: message` each."""
    return [f"{source.path}:{line}: {message}" for source in sources for line, message in rule(source)]


def found_in(rule: Rule, snippet: str, path: str = "meva_core/risk/example.py") -> list[str]:
    """Return the messages of *rule* on a *snippet*, as if it stood in *path*."""
    return [message for _, message in rule(Source(path, snippet))]


@cache
def text_files() -> tuple[Source, ...]:
    """Return every text file that is tracked, or would be by `git add`."""
    listing = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    paths = sorted({name for name in listing.stdout.split("\0") if name})
    return tuple(_read(paths))


def python_files(*folders: str) -> list[Source]:
    """Return the Python files whose path starts with one of *folders*."""
    return [file for file in text_files() if file.path.endswith(".py") and file.path.startswith(folders)]


def parent_of(node: ast.AST) -> ast.AST | None:
    """Return the node that holds *node*, None for the module."""
    return getattr(node, "parent", None)


def dotted(node: ast.AST) -> str:
    """Return `a.b.c` for a chain of names, the empty string for anything else."""
    match node:
        case ast.Name(id=name):
            return name
        case ast.Attribute(value=value, attr=attr):
            left = dotted(value)
            return f"{left}.{attr}" if left else ""
        case _:
            return ""


def calls(tree: ast.AST) -> Iterator[tuple[ast.Call, str]]:
    """Return every call with the dotted name of what is called."""
    return ((node, dotted(node.func)) for node in ast.walk(tree) if isinstance(node, ast.Call))


def _read(paths: list[str]) -> Iterator[Source]:
    for name in paths:
        path = ROOT / name
        if path.suffix in _NOT_TEXT or path.is_symlink() or not path.is_file():
            continue
        yield Source(name, path.read_text(encoding="utf-8", errors="replace"))


@cache
def _parse(text: str, path: str) -> ast.Module:
    tree = ast.parse(text, filename=path)
    for node in ast.walk(tree):
        for child in ast.iter_child_nodes(node):
            child.parent = node  # type: ignore[attr-defined]
    return tree
