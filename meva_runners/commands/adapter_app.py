"""Run a contract on a harness and show what came of each case; know no case."""

from __future__ import annotations

import asyncio
import json
import sys
from collections import Counter
from collections.abc import Sequence
from typing import Any

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table

from meva_adapters.contracts.case import CaseResult, Kit, Verdict
from meva_adapters.contracts.kits import kit_of
from meva_adapters.contracts.loading import harness_at, harness_made
from meva_adapters.reports.terminal import console_for, printable
from meva_core.errors import ConfigError
from meva_runners.exit_status import FAILED

_STYLES = {Verdict.PROVEN: "green", Verdict.BROKEN: "bold red", Verdict.NOT_PROVEN: "yellow"}


def check_adapter(place: str, *, cases: Sequence[str], strict: bool, as_json: bool) -> None:
    """Run, show, and exit with 1 when a promise is broken or none is proven; under *strict* when one is not."""
    make = harness_at(place)
    kit = kit_of(harness_made(make, place))
    _check_ids(kit, cases)
    results = asyncio.run(_results(kit, make, cases))
    counts = Counter(result.verdict for result in results)
    if as_json:
        click.echo(json.dumps(_as_dict(place, kit, results, counts)))
    else:
        _show(console_for(sys.stdout), place, kit, results, counts)
    if counts[Verdict.BROKEN] or not counts[Verdict.PROVEN] or (strict and counts[Verdict.NOT_PROVEN]):
        sys.exit(FAILED)


async def _results(kit: Kit[Any], make: Any, cases: Sequence[str]) -> list[CaseResult]:
    chosen = kit.chosen(cases)
    columns = (TextColumn("checking"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.description}"))
    console = console_for(sys.stderr)
    results = []
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("", total=len(chosen))
        for case in chosen:
            progress.update(task, description=case.name)
            results.append(await kit.prove(case, make))
            progress.advance(task)
    return results


def _check_ids(kit: Kit[Any], cases: Sequence[str]) -> None:
    known = {case.case_id for case in kit.cases}
    unknown = [case for case in cases if case not in known]
    if unknown:
        ids = f"{kit.cases[0].case_id} to {kit.cases[-1].case_id}"
        raise ConfigError(
            tuple(f"--case: got {each!r}. The {kit.port} contract has {ids}." for each in unknown)
        )


def _as_dict(
    place: str, kit: Kit[Any], results: Sequence[CaseResult], counts: Counter[Verdict]
) -> dict[str, Any]:
    return {
        "harness": place,
        "port": kit.port,
        "counts": {verdict.value.lower(): counts[verdict] for verdict in Verdict},
        "cases": [
            {
                "id": result.case_id,
                "title": result.title,
                "promise": result.promise,
                "verdict": result.verdict.value.lower(),
                "detail": result.detail,
            }
            for result in results
        ],
    }


def _show(
    console: Console, place: str, kit: Kit[Any], results: Sequence[CaseResult], counts: Counter[Verdict]
) -> None:
    console.print(f"{kit.port} contract on {place}\n", style="bold")
    table = Table(box=None, pad_edge=False)
    table.add_column("case", no_wrap=True)
    table.add_column("")
    table.add_column("verdict", no_wrap=True)
    table.add_column("")
    for result in results:
        why = "" if result.verdict is Verdict.BROKEN else printable(result.detail)
        row = (result.case_id, result.title, result.verdict.value, why)
        table.add_row(*row, style=_STYLES.get(result.verdict, "dim"))
    console.print(table)
    for result in results:
        if result.verdict is Verdict.BROKEN:
            console.print(f"\n{result.case_id} {result.title}", style=_STYLES[Verdict.BROKEN])
            console.print(f"  {printable(result.detail)}")
            console.print(f"  promised: {result.promise}", style="dim")
    told = ", ".join(f"{counts[verdict]} {verdict.value}" for verdict in Verdict)
    console.print(f"\n{told}", style="bold")
