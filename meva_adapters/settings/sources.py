"""Collect configuration from files, variables and options, in the order that they override each other."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from attrs import define, field, frozen

from meva_adapters.settings.scalars import is_text, scalar
from meva_adapters.settings.tree import Node, NoPlaceError, assigned, merged
from meva_adapters.settings.yaml_reader import DEPTH_MAX, file_place, read_yaml
from meva_core.config.codes import Code, Problem, did_you_mean

VARIABLE_PREFIX: Final = "MEVA__"
# The files of this project are some kilobytes; what is larger was named by mistake.
FILE_BYTES_MAX: Final = 1_000_000
# Files that every environment shares; they are no environments themselves.
SHARED_FILES: Final = ("base", "logging")

_FIRST_STRATEGY: Final = "strategy"
_FIRST_STRATEGY_KEYS: Final = ("strategies", "0", "parameters")
_ENV_NAME: Final = re.compile(r"[a-z][a-z0-9_-]{0,31}")
_STARTS_STRUCTURE: Final = ("[", "{", '"', "'")


@frozen
class Assignment:
    """Hold one value that a variable or an option sets, and how people know it."""

    keys: tuple[str, ...]
    text: str
    place: str
    loud: bool


@define
class Sources:
    """Gather the layers into one *root*, and every problem on the way."""

    root: Node = field(factory=lambda: Node({}, ""))
    problems: list[Problem] = field(factory=list)

    def add_shared(self, config_dir: Path) -> None:
        """Add the files that every environment shares."""
        for name in SHARED_FILES:
            self.add_file(config_dir / f"{name}.yaml")

    def add_environment(self, env: str, config_dir: Path) -> None:
        """Add the file of *env*; an empty *env* adds none."""
        if not env:
            return
        self.root = merged(self.root, Node({"env": Node(env, "the chosen environment")}, ""))
        known = sorted(path.stem for path in config_dir.glob("*.yaml") if path.stem not in SHARED_FILES)
        if _ENV_NAME.fullmatch(env) and env in known:
            self.add_file(config_dir / f"{env}.yaml")
            return
        self.problems.append(
            Problem(
                Code.NOT_A_CHOICE,
                "env",
                found=repr(env),
                expected=f"one of {', '.join(known)}",
                remedy=did_you_mean(env, known, f"Choose one of the files in {shown_path(config_dir)}."),
                place="the chosen environment",
            )
        )

    def add_file(self, path: Path) -> None:
        """Add the YAML file at *path*."""
        name = shown_path(path)
        try:
            content = _content(path)
        except (OSError, ValueError) as exc:
            self.problems.append(_unreadable_file(name, exc))
            return
        self._add_text(content, name)

    def _add_text(self, content: str, name: str) -> None:
        reading = read_yaml(content, file_place(name))
        self.problems.extend(reading.problems)
        if reading.root is None:
            return
        if isinstance(reading.root.value, dict):
            self.root = merged(self.root, reading.root)
            return
        self.problems.append(
            Problem(
                Code.WRONG_TYPE,
                "",
                found="no mapping",
                expected="a mapping of sections",
                remedy="Write sections as `risk:` with their keys indented below.",
                place=reading.root.place,
            )
        )

    def add_variables(self, environ: Mapping[str, str]) -> None:
        """Add every variable `MEVA__SECTION__KEY`, in the order of their names."""
        for name in sorted(environ):
            if name.startswith(VARIABLE_PREFIX):
                keys = tuple(name.removeprefix(VARIABLE_PREFIX).split("__"))
                self._assign(
                    Assignment(keys, environ[name], f"environment variable {_shown(name)}", loud=True)
                )

    def add_overrides(self, overrides: Sequence[str]) -> None:
        """Add every `section.key=value`, in the order given; `strategy.X` is a parameter of the first strategy."""
        for override in overrides:
            path, equals, text = override.partition("=")
            if equals:
                place = f"--set {_shown(path.strip())}"
                keys = tuple(path.strip().split("."))
                if keys[0] == _FIRST_STRATEGY:
                    keys = (*_FIRST_STRATEGY_KEYS, *keys[1:])
                self._assign(Assignment(keys, text, place, loud=False))
            else:
                self.problems.append(_no_place("--set", found="no `=`", expected="section.key=value"))

    def _assign(self, assignment: Assignment) -> None:
        keys = assignment.keys
        found, expected = "", f"1 to {DEPTH_MAX} names, none of them empty"
        if len(keys) > DEPTH_MAX or not all(key and key.isprintable() for key in keys):
            found = "an incomplete key path"
        elif not is_text(assignment.text):
            found, expected = "bytes that are no UTF-8", "text"
        if found:
            self.problems.append(_no_place(assignment.place, found=found, expected=expected))
            return
        value = self._value(assignment)
        if value is None:
            return
        try:
            self.root = assigned(self.root, assignment.keys, value, loud=assignment.loud)
        except NoPlaceError as exc:
            problem = _no_place(assignment.place, found=exc.found, expected=exc.expected, path=exc.path)
            self.problems.append(problem)

    def _value(self, assignment: Assignment) -> Node | None:
        text = assignment.text.strip()
        if not text.startswith(_STARTS_STRUCTURE):
            # An empty variable means an empty text; `null` is written out.
            return Node(scalar(text) if text else "", assignment.place)
        reading = read_yaml(text, lambda _line, _column: assignment.place)
        self.problems.extend(reading.problems)
        return reading.root


def origins(root: Node) -> dict[str, str]:
    """Return the place of every key path that was written somewhere."""
    return {path: place for path, place in root.places() if path and place}


def shown_path(path: Path) -> str:
    """Return *path* as people know it: relative when it lies below the current folder."""
    absolute = path.absolute()
    here = Path.cwd()
    return str(absolute.relative_to(here) if absolute.is_relative_to(here) else absolute)


def _shown(name: str) -> str:
    return name if name.isprintable() else ascii(name)


def nearest_place(places: Mapping[str, str], path: str) -> str:
    """Return the place of *path*, or of the closest mapping or list around it that was written somewhere."""
    while path not in places and path:
        path = path.rpartition(".")[0]
    return places.get(path, "")


def _content(path: Path) -> str:
    with path.open("rb") as file:
        content = file.read(FILE_BYTES_MAX + 1)
    if len(content) > FILE_BYTES_MAX:
        raise ValueError(f"more than {FILE_BYTES_MAX} bytes")
    return content.decode("utf-8-sig")


def _unreadable_file(name: str, exc: OSError | ValueError) -> Problem:
    reason = exc.strerror if isinstance(exc, OSError) else str(exc)
    if isinstance(exc, UnicodeDecodeError):
        reason = f"a byte that is not UTF-8, at position {exc.start}"
    return Problem(
        Code.UNREADABLE,
        "",
        found=reason or "no reason given",
        expected="a YAML file in UTF-8",
        remedy="Check the path, its permissions and its content.",
        place=name,
    )


def _no_place(place: str, *, found: str, expected: str, path: str = "") -> Problem:
    return Problem(
        Code.NO_PLACE,
        path,
        found=found,
        expected=expected,
        remedy="Write for example --set risk.max_open_orders=5, or MEVA__RISK__MAX_OPEN_ORDERS=5.",
        place=place,
    )
