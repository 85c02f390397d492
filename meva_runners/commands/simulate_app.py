"""Run the simulation that the options ask for, and show what it found."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Final

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from meva_adapters.reports.terminal import console_for
from meva_core.errors import ConfigError
from meva_runners.commands.simulate_options import SimulateOptions
from meva_runners.exit_status import FAILED
from meva_runners.simulation.campaign import Campaign, Failure, run_campaign, shrunk_failures
from meva_runners.simulation.plan_file import read_plan, write_plan
from meva_runners.simulation.seed_run import Job, SeedResult, strategies_of

_NOTHING_SENT: Final = (
    "No order was sent, so nothing is shown of this strategy: look back less far, or run more --minutes."
)


def simulate(options: SimulateOptions) -> None:
    """Run, show, and exit with 1 when a promise was broken."""
    jobs = _jobs(options)
    strategies_of(jobs[0])  # A strategy that cannot be built is told before anything runs.
    passes = 1 if options.once else 2
    with _progress() as progress:
        task = progress.add_task("simulating", total=len(jobs) * passes, broken=0)

        def on_result(result: SeedResult) -> None:
            broken = progress.tasks[0].fields["broken"] + bool(result.violations)
            progress.update(task, advance=1, broken=broken)

        campaign = run_campaign(
            jobs,
            processes=options.processes or os.cpu_count() or 1,
            twice=not options.once,
            on_result=on_result,
        )
    failures = []
    if campaign.failures:
        click.echo("Shrinking the first failures; this takes a minute each.", err=True)
    for failure in shrunk_failures(campaign, jobs):
        path = options.out / f"failure-{failure.result.seed}.json"
        write_plan(path, next(job for job in jobs if job.seed == failure.result.seed), failure.shrunk)
        failures.append((failure, path))
    if options.json:
        click.echo(
            json.dumps(campaign.as_dict() | {"failures": [_as_dict(*failure) for failure in failures]})
        )
    else:
        _show(campaign, failures)
    if not campaign.is_clean:
        sys.exit(FAILED)


def _progress() -> Progress:
    """Return a bar on standard error that a terminal sees and a file does not."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("runs, {task.fields[broken]} broken"),
        TimeRemainingColumn(),
        console=console_for(sys.stderr),
        transient=True,
        disable=not sys.stderr.isatty(),
    )


def _jobs(options: SimulateOptions) -> list[Job]:
    if options.plan is not None:
        if options.seed is not None or options.strategy or options.overrides:
            raise click.UsageError(
                "--plan says which seed and which strategy; leave --seed, --strategy and --set out."
            )
        return [read_plan(options.plan)]
    if options.overrides and not options.strategy:
        raise ConfigError(("--set sets parameters of the strategy that --strategy names. Name one.",))
    overrides = tuple(options.overrides)
    seeds = range(options.first, options.first + options.seeds) if options.seed is None else [options.seed]
    return [Job(seed, options.minutes, options.strategy, overrides, dense=options.dense) for seed in seeds]


def _as_dict(failure: Failure, path: Path) -> dict[str, object]:
    first = failure.result.violations[0]
    return {
        "seed": failure.result.seed,
        "invariant": first.invariant,
        "facts": first.facts,
        "faults": [[fault.operation, fault.number, fault.kind, fault.amount] for fault in failure.shrunk],
        "reproduce": _command(path),
    }


def _command(path: Path) -> str:
    return f"python -m meva_runners.simulate --once --plan {path}"


def _show(campaign: Campaign, failures: list[tuple[Failure, Path]]) -> None:
    console = Console(highlight=False)
    figures = campaign.as_dict()
    table = Table("", "", show_header=False, box=None)
    for name in ("seeds", "runs", "simulated_hours", "submissions", "placed", "crashes", "events"):
        table.add_row(name.replace("_", " "), f"{figures[name]:,}")
    table.add_row("simulated time per processor time", f"x{figures['speed']:,}")
    table.add_row("violations", f"{figures['violations']:,}", style="bold red" if failures else "bold green")
    table.add_row("seeds with two different traces", f"{len(figures['unequal_seeds']):,}")
    console.print(table)
    if not campaign.totals["submissions"]:
        console.print(_NOTHING_SENT, style="bold yellow")
    for title, counts in (
        ("Faults that fired", campaign.fired),
        ("Branches of recovery that ran", campaign.reached),
    ):
        listed = Table(title, "times", box=None)
        for name, count in sorted(counts.items()):
            listed.add_row(name, f"{count:,}")
        console.print(listed)
    for failure, path in failures:
        first = failure.result.violations[0]
        console.print(
            f"seed {failure.result.seed}: {first.invariant} at {first.time_ns}: {first.facts}", style="red"
        )
        for fault in failure.shrunk:
            console.print(f"  {fault.operation} {fault.number}: {fault.kind} {fault.amount}")
        console.print(
            f"  {len(failure.shrunk)} faults, found in {failure.tries} runs. Reproduce: {_command(path)}"
        )
