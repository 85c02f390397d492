"""The command line finds its commands, imports none before it is asked for, and helps who mistypes."""

from __future__ import annotations

import importlib.util
import subprocess
import sys

import click
import pytest
from click.testing import CliRunner

from meva_runners import main as command_line
from meva_runners.controls import MONEY, READS, WISHES
from meva_runners.main import COMMANDS, SHELLS, main


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_exists(name: str) -> None:
    """Each row of the table leads to a click command."""
    assert importlib.util.find_spec(COMMANDS[name].module) is not None
    assert isinstance(main.get_command(click.Context(main), name), click.Command)


def test_help_lists_every_command_with_examples() -> None:
    """The first page shows what there is and how to begin."""
    result = CliRunner().invoke(main, ["--help"])

    assert result.exit_code == 0
    assert all(f"  {name} " in result.output for name in [*COMMANDS, "completion"])
    assert "meva replay BTC/USDT=trades.csv" in result.output


def test_help_imports_no_command() -> None:
    """Asking for help costs the import of click alone."""
    probe = (
        "import sys; from click.testing import CliRunner; from meva_runners.main import COMMANDS, main\n"
        "assert CliRunner().invoke(main, ['--help']).exit_code == 0\n"
        "print(*[entry.module for entry in COMMANDS.values() if entry.module in sys.modules])"
    )
    result = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)

    assert result.stdout.strip() == ""


def test_a_recording_that_is_not_there_is_told_before_the_venue_listens() -> None:
    """Nobody connects to a venue that is about to end."""
    result = CliRunner().invoke(main, ["venue", "--port", "0", "--tape", "nofile.gz"])

    assert result.exit_code == 2
    assert "nofile.gz" in result.output
    assert "listening" not in result.output


def test_the_wishes_of_the_controls_are_read_in_their_help() -> None:
    """Their list is a paragraph by kind, not the name of an argument broken over lines."""
    result = CliRunner().invoke(main, ["controls", "--help"])

    assert "[OPTIONS] WISH [SUBJECT]" in result.output
    assert all(wish in result.output for wish in (*WISHES, *MONEY, *READS, "why"))
    assert "{pause|" not in result.output


def test_a_mistyped_command_is_answered_with_the_nearest() -> None:
    """The message names what was probably meant, and the status is that of wrong usage."""
    result = CliRunner().invoke(main, ["repaly"])

    assert result.exit_code == 2
    assert "Did you mean 'replay'?" in result.output


def test_version_is_that_of_the_package() -> None:
    """The version comes from the installed metadata and is written nowhere else."""
    result = CliRunner().invoke(main, ["--version"], prog_name="meva")

    assert result.exit_code == 0
    assert result.output.startswith("meva ")


@pytest.mark.parametrize("shell", SHELLS)
def test_completion_prints_a_script(shell: str) -> None:
    """Each shell gets a script that asks meva itself for the words."""
    result = CliRunner().invoke(main, ["completion", shell])

    assert result.exit_code == 0
    assert "_MEVA_COMPLETE" in result.output


def test_a_module_without_a_command_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """A wrong row of the table is our bug and says which row."""
    monkeypatch.setitem(COMMANDS, "broken", command_line.Entry("meva_runners", "Nothing."))
    monkeypatch.setattr("meva_runners.main", object())

    with pytest.raises(TypeError, match=r"meva_runners\.main is no click command"):
        main.get_command(click.Context(main), "broken")
