"""Find the command that was named and hand over to it; know nothing of what any command does.

A command's module is imported when it is run, never for the list of commands, so `meva --help` stays fast.
"""

from __future__ import annotations

import importlib
from typing import Final, NamedTuple

import click
from click.shell_completion import get_completion_class


class Entry(NamedTuple):
    """Say where a command lives (*module*, whose `main` is it) and what it does, in one line."""

    module: str
    summary: str


COMMANDS: Final[dict[str, Entry]] = {
    "replay": Entry("meva_runners.replay", "Replay a recording, decide on it, and report the result."),
    "paper": Entry("meva_runners.paper", "Trade with play money at a simulated venue, as if it were real."),
    "shadow": Entry("meva_runners.shadow", "Decide on a real account's market, send nothing, and report."),
    "live": Entry("meva_runners.live", "Trade real money on an account, once it is armed."),
    "report": Entry("meva_runners.report", "Report what a session did: one page, JSON and Parquet."),
    "compare": Entry(
        "meva_runners.compare", "Put sessions side by side, and name the first decision that differs."
    ),
    "explain": Entry("meva_runners.explain", "Tell the whole story of one order."),
    "controls": Entry("meva_runners.controls", "Pause, resume, kill and ask a running agent."),
    "doctor": Entry("meva_runners.doctor", "Look whether trading may start here, and what to mend if not."),
    "simulate": Entry("meva_runners.simulate", "Prove under faults that orders are sent at most once."),
    "venue": Entry("meva_runners.venue", "Be a spot exchange on a local port, with play money."),
    "backfill": Entry(
        "meva_runners.backfill", "Fetch recorded bars and trades into files that replay reads."
    ),
    "new": Entry("meva_runners.new", "Begin a strategy or an adapter of your own."),
    "adapter": Entry(
        "meva_runners.adapter", "Prove an adapter of your own against the contract of its port."
    ),
    "ledger": Entry("meva_runners.ledger", "Print a session's ledger, and prove that it is right."),
    "pnl": Entry("meva_runners.pnl", "Print what a session earned, and why its equity changed."),
    "costs": Entry("meva_runners.costs", "Record what running the agent costs, and close periods."),
}

SHELLS: Final = ("bash", "zsh", "fish")

EXAMPLES: Final = """
\b
Examples:
  meva replay                              the bundled recording: no key, no network
  meva replay BTC/USDT=trades.csv          your own recording
  meva replay --set strategy.lookback=60   another setting, from the command line
  eval "$(meva completion bash)"           complete commands and options with TAB
"""


class LazyGroup(click.Group):
    """List commands from a table, and import one only when it is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return every command, those of the table first, in its order."""
        return [*COMMANDS, *super().list_commands(ctx)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return the command *cmd_name*, importing its module, or None when there is no such command."""
        entry = COMMANDS.get(cmd_name)
        if entry is None:
            return super().get_command(ctx, cmd_name)
        command = importlib.import_module(entry.module).main
        if not isinstance(command, click.Command):
            raise TypeError(f"{entry.module}.main is no click command: {command!r}")
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command that *args* start with; when there is none, name the nearest ones."""
        try:
            return super().resolve_command(ctx, args)
        except click.exceptions.NoSuchCommand as error:
            names = self.list_commands(ctx)
            raise click.exceptions.NoSuchCommand(error.command_name, possibilities=names, ctx=ctx) from None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands from the table, importing none of them."""
        rows = [(name, entry.summary) for name, entry in COMMANDS.items()]
        rows += [(name, command.get_short_help_str(limit=80)) for name, command in self.commands.items()]
        with formatter.section("Commands"):
            formatter.write_dl(rows)


@click.group(cls=LazyGroup, epilog=EXAMPLES, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="meva", message="%(prog)s %(version)s")
def main() -> None:
    """Replay, paper trade, shadow and run a trading agent whose every decision can be replayed."""


@main.command()
@click.argument("shell", type=click.Choice(SHELLS))
def completion(shell: str) -> None:
    """Print the script that completes meva's commands and options in SHELL."""
    completer = get_completion_class(shell)
    if completer is None:
        raise click.UsageError(f"no completion for {shell}; known: {', '.join(SHELLS)}")
    click.echo(completer(main, {}, "meva", "_MEVA_COMPLETE").source())


if __name__ == "__main__":
    main(prog_name="meva")
