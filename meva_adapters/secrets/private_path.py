"""Say whether a file or folder is ours alone; change nothing."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Final

from meva_core.errors import ConfigError

_OTHERS: Final = 0o077


def exposure(path: Path) -> str:
    """Return why *path* is not ours alone, with what to do, or nothing; raise `OSError` where it is missing."""
    facts = path.lstat()
    if stat.S_ISLNK(facts.st_mode):
        return "is a link. Name the file or folder itself."
    if facts.st_uid != os.geteuid():
        return f"belongs to the user {facts.st_uid}. Give a file or folder of your own."
    if facts.st_mode & _OTHERS:
        return f"others can read it (mode {stat.S_IMODE(facts.st_mode):04o}). Run: chmod go-rwx {path}"
    return ""


def refuse_exposed(path: Path) -> None:
    """Raise `ConfigError` unless *path* is ours alone."""
    problem = exposure(path)
    if problem:
        raise ConfigError((f"{path}: {problem}",))


def work_tree_of(path: Path) -> Path | None:
    """Return the git work tree that holds *path*, or `None`: what lies in one is committed sooner or later."""
    resolved = path.resolve()
    return next((parent for parent in resolved.parents if (parent / ".git").exists()), None)
