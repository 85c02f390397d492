"""Write a plan of faults to a file, and read one back; run nothing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

from meva_adapters.exchange.simulated.faults import POSSIBLE, Fault, Kind, Operation
from meva_core.errors import ConfigError
from meva_runners.simulation.seed_run import Job

_FORMAT: Final = "meva fault plan 1"
_FIELDS: Final = frozenset({"seed", "minutes", "strategy", "overrides", "dense", "faults"})


def write_plan(path: Path, job: Job, faults: tuple[Fault, ...]) -> None:
    """Write what reproduces a run."""
    plan = {
        "format": _FORMAT,
        "seed": job.seed,
        "minutes": job.minutes,
        "strategy": job.strategy,
        "overrides": list(job.overrides),
        "dense": job.dense,
        "faults": [[fault.operation, fault.number, fault.kind, fault.amount] for fault in faults],
    }
    path.write_text(json.dumps(plan, indent=1) + "\n", encoding="utf-8")


def read_plan(path: Path) -> Job:
    """Return the run that *path* describes; raise `ConfigError` naming everything that is wrong with it."""
    try:
        plan = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ConfigError((f"{path}: no fault plan: {error}. Give a file that simulate wrote.",)) from error
    if not isinstance(plan, dict) or plan.get("format") != _FORMAT:
        raise ConfigError(
            (f"{path}: no fault plan ({_FORMAT!r} expected). Give a file that simulate wrote.",)
        )
    problems = [
        f"{path}: {name} is missing. Give a file that simulate wrote." for name in _FIELDS - plan.keys()
    ]
    faults = []
    for number, row in enumerate(plan.get("faults", [])):
        try:
            operation, position, kind, amount = row
            fault = Fault(Operation(operation), int(position), Kind(kind), int(amount))
        except (TypeError, ValueError) as error:
            problems.append(f"{path}: fault {number}: got {row}: {error}.")
            continue
        if fault.kind not in POSSIBLE[fault.operation]:
            possible = ", ".join(POSSIBLE[fault.operation])
            problems.append(
                f"{path}: fault {number}: {kind} cannot happen to {operation}. Possible: {possible}."
            )
        faults.append(fault)
    if problems:
        raise ConfigError(tuple(problems))
    return Job(
        int(plan["seed"]),
        int(plan["minutes"]),
        plan["strategy"],
        tuple(plan["overrides"]),
        tuple(faults),
        bool(plan["dense"]),
    )
