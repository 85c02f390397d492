"""Write skeletons under a name; know nothing of what is in them."""

from __future__ import annotations

import keyword
import re
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import click

from meva_core.errors import ConfigError, install

_SKELETONS: Final = Path(__file__).parents[1] / "_skeletons"
_NAME: Final = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
# What each kind consists of: the name of the file, and the skeleton that it is made from.
_FILES: Final = {
    "strategy": {"@NAME@.py": "strategy.py.txt", "test_@NAME@.py": "test_strategy.py.txt"},
    "adapter": {
        "@NAME@.py": "exchange.py.txt",
        "@NAME@_harness.py": "harness.py.txt",
        "test_@NAME@.py": "test_exchange.py.txt",
    },
}
_NEXT: Final = {
    "strategy": "meva replay --strategy @NAME@:@CLASS@",
    "adapter": "meva adapter check @NAME@_harness:harness",
}
_TEST: Final = "python -m pytest test_@NAME@.py"


def begin(kind: str, name: str, out: Path) -> None:
    """Write the files of *kind* for *name* into *out*; raise `ConfigError` where one of them is there."""
    problem = _problem_of(name)
    if problem:
        raise ConfigError((f"NAME: got {name!r}. {problem}",))
    paths = {out / _filled(file, name): skeleton for file, skeleton in _FILES[kind].items()}
    there = [str(path) for path in paths if path.exists()]
    if there:
        raise ConfigError(
            (f"NAME: {', '.join(there)} exists already. Choose another name, or another --out.",)
        )
    out.mkdir(parents=True, exist_ok=True)
    for path, skeleton in paths.items():
        text = (_SKELETONS / skeleton).read_text(encoding="utf-8")
        with path.open("x", encoding="utf-8") as file:
            file.write(_filled(text, name))
        click.echo(str(path))
    click.echo(f"Next, from {out.resolve()}: {_filled(_NEXT[kind], name)}", err=True)
    needs = "" if find_spec("pytest") else f"  (needs pytest: {install('contracts')})"
    click.echo(f"Its test: {_filled(_TEST, name)}{needs}", err=True)


def _problem_of(name: str) -> str:
    """Return why *name* can be no module; empty where it can."""
    if not _NAME.fullmatch(name):
        return "Expected small letters, digits and _, beginning with a letter, such as above_mean."
    if keyword.iskeyword(name) or name in sys.stdlib_module_names:
        return "Expected a name that Python does not use itself."
    return ""


def _filled(text: str, name: str) -> str:
    words = "".join(part.capitalize() for part in name.split("_"))
    return text.replace("@NAME@", name).replace("@CLASS@", words)
