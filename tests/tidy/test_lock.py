"""The locks say what pyproject.toml asks for: every package pinned, hashed, and no registry named."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.tidy.reading import ROOT

DIRECT_MAX = 12
PIN = re.compile(r"^(?P<name>[A-Za-z0-9._-]+)==(?P<version>[^\s;]+)(?P<rest>.*(?:\n    .*)*)", re.MULTILINE)
HASH = re.compile(r"--hash=sha256:[0-9a-f]{64}(?![0-9a-f])")
Pins = dict[str, str]


def pins(lock: str) -> Pins:
    """Return the version of each pinned package by its canonical name."""
    return {canonicalize_name(match["name"]): match["version"] for match in PIN.finditer(lock)}


def unhashed(lock: str) -> Iterator[str]:
    """Name the pins that carry no hash, and the lines that are no pin."""
    yield from (match["name"] for match in PIN.finditer(lock) if not HASH.search(match["rest"]))
    for line in PIN.sub("", lock).splitlines():
        if line.strip() and not line.startswith("#"):
            yield line


def unmet(requirements: list[str], pinned: Pins) -> Iterator[str]:
    """Name the requirements that the pins do not meet. A marker of another platform does not excuse a pin."""
    for text in requirements:
        requirement = Requirement(text)
        version = pinned.get(canonicalize_name(requirement.name))
        if version is None or not requirement.specifier.contains(version, prereleases=True):
            yield f"{text}: locked is {version}; run `make lock`"


def _project() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def _lock(name: str) -> str:
    return (ROOT / "requirements" / f"{name}.txt").read_text(encoding="utf-8")


def _asked(name: str) -> list[str]:
    project = _project()
    groups = project["dependency-groups"]
    base = [*project["project"]["dependencies"], *groups["build"]]
    asked: dict[str, list[str]] = {"base": base, "dev": [*base, *groups["dev"]], "audit": groups["audit"]}
    return asked[name]


@pytest.mark.parametrize("name", ["base", "dev", "audit"])
def test_the_lock_meets_the_project(name: str) -> None:
    """Every requirement is pinned within its bounds, and every pin carries its hashes."""
    lock = _lock(name)

    assert [] == [*unmet(_asked(name), pins(lock)), *unhashed(lock)]


@pytest.mark.parametrize("name", ["dev", "audit"])
def test_locks_agree(name: str) -> None:
    """Development and audit run on the very versions that users get."""
    base, other = pins(_lock("base")), pins(_lock(name))

    differing = {package for package in base.keys() & other.keys() if base[package] != other[package]}
    assert set() == differing
    assert name != "dev" or base.keys() <= other.keys()


def test_direct_dependencies_are_few() -> None:
    """Each direct dependency is a party to be trusted with money: at most twelve."""
    assert DIRECT_MAX >= len(_project()["project"]["dependencies"])


def test_a_stale_lock_is_found() -> None:
    """A missing pin, a pin out of bounds, a missing hash and a loose line are seen."""
    assert ["attrs>=26: locked is None; run `make lock`"] == list(unmet(["attrs>=26"], {}))
    assert ["Attrs>=26: locked is 25.1; run `make lock`"] == list(unmet(["Attrs>=26"], {"attrs": "25.1"}))
    assert ["attrs"] == list(unhashed("attrs==26.1\n"))
    assert ["attrs>=26"] == list(unhashed("attrs>=26\n"))


def test_a_good_lock_passes() -> None:
    """A pin within bounds, with its hashes, is no finding."""
    lock = "# head\nattrs==26.1.0 ; python_version < '4' \\\n    --hash=sha256:" + "a" * 64 + "\n"

    assert [] == [*unmet(["attrs>=26"], pins(lock)), *unhashed(lock)]
