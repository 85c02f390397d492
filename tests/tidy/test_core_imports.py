"""The core imports allow-listed modules of the standard library, attrs, itself, and nothing else."""

from __future__ import annotations

import ast
from collections.abc import Iterator

import pytest

from tests.tidy.reading import Finding, Source, findings, found_in, python_files

# Values and containers. What opens, waits, looks at a clock or at the machine is not in the list.
ALLOWED = frozenset(
    {
        "__future__",
        "abc",
        "array",
        "attrs",
        "base64",
        "bisect",
        "collections",
        "contextlib",
        "copy",
        "datetime",  # For conversion alone: reading its clock is forbidden by test_core_calls.
        "decimal",
        "difflib",
        "enum",
        "fractions",
        "functools",
        "hashlib",
        "heapq",
        "itertools",
        "json",
        "math",
        "meva_core",
        "numbers",
        "operator",
        "re",
        "statistics",
        "string",
        "struct",
        "textwrap",
        "types",
        "typing",
        "zlib",
    }
)


def foreign_imports(source: Source) -> Iterator[Finding]:
    """Find imports outside the list; numpy may be used in modules named `*_columns.py`."""
    allowed = ALLOWED | {"numpy"} if source.path.endswith("_columns.py") else ALLOWED
    for node in ast.walk(source.tree):
        match node:
            case ast.Import(names=names):
                modules = [alias.name for alias in names]
            case ast.ImportFrom(level=0, module=str(module)):
                modules = [module]
            case ast.ImportFrom():
                modules = ["."]
            case _:
                continue
        for module in modules:
            if module.partition(".")[0] not in allowed:
                yield Finding(node.lineno, f"import of {module}: not for the core")


def test_the_core_imports_what_it_may() -> None:
    """No module of the core imports anything else, not even inside a function or for types alone."""
    assert [] == findings(foreign_imports, python_files("meva_core/"))


@pytest.mark.parametrize(
    "snippet",
    [
        "import time",
        "import os.path",
        "from asyncio import Queue",
        "import numpy",
        "def f():\n    import socket",
        "from . import model",
        "from meva_adapters.clock import system",
    ],
)
def test_a_foreign_import_is_found(snippet: str) -> None:
    """Clock, system, event loop, third party, relative and outward imports are seen."""
    assert 1 == len(found_in(foreign_imports, snippet))


def test_numpy_belongs_to_columns() -> None:
    """A module of columns may use numpy."""
    assert [] == found_in(foreign_imports, "import numpy as np", "meva_core/signals/crossing_columns.py")
