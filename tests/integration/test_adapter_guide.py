"""The guide to an adapter in an afternoon works as it is written, to the last command."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

GUIDE = Path(__file__).resolve().parents[2] / "docs" / "adapters.md"
PROGRAMS = {"meva": [sys.executable, "-m", "meva_runners.main"], "python": [sys.executable]}
COMMAND_S_MAX = 90


def steps() -> list[tuple[str, str]]:
    """Return the code blocks of the guide in order: language and text."""
    return re.findall(r"```(python|console)\n(.*?)```", GUIDE.read_text(encoding="utf-8"), re.DOTALL)


def save(folder: Path, text: str) -> None:
    """Save a file under the name in its first line."""
    first, _, rest = text.partition("\n")
    (folder / first.removeprefix("# ")).write_text(rest)


def verify_console(folder: Path, text: str) -> int:
    """Run each command, and find each line below it in what it prints; return how many lines were found."""
    found = 0
    for block in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
        command, *expected = block.splitlines()
        program, *arguments = shlex.split(command)
        run = subprocess.run(
            [*PROGRAMS.get(program, [program]), *arguments],
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=COMMAND_S_MAX,
            check=False,
        )
        told = " ".join((run.stdout + run.stderr).split())
        for line in expected:
            if line != "...":
                assert " ".join(line.split()) in told, (
                    f"{command}: {line!r} is not in {run.stdout}{run.stderr}"
                )
                found += 1
    return found


def test_the_guide_can_be_followed_literally(tmp_path: Path) -> None:
    """Four files and six commands, in an empty folder: everything that is shown is what happens."""
    files = lines = 0
    for language, text in steps():
        if language == "python":
            save(tmp_path, text)
            files += 1
        else:
            lines += verify_console(tmp_path, text)

    assert (4, 8) == (files, lines)
