"""Make every check in turn, print what was found, and say whether trading may start."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import attrs
import click
from attrs import frozen

from meva_adapters.secrets.references import ReferencedSecrets
from meva_adapters.settings import load_settings
from meva_core.config.schema import AppConfig
from meva_core.errors import ConfigError
from meva_runners.checkup.channels import channel_findings, heartbeat_findings
from meva_runners.checkup.dead_man import switch_findings
from meva_runners.checkup.finding import Finding, Verdict, green, red, skipped
from meva_runners.checkup.machine import data_folder, disk_space, extras, latch_off, port_free, python_version
from meva_runners.checkup.private_values import find_secrets
from meva_runners.checkup.venue import CHECKS, venue_findings
from meva_runners.exit_status import PREFLIGHT_FAILED
from meva_runners.trading.places import control_folder

_COLOURS: Final = {Verdict.GREEN: "green", Verdict.RED: "red", Verdict.SKIPPED: "bright_black"}
_HOST: Final = "127.0.0.1"
_NEEDS_CONFIG: Final = (
    "extras",
    "disk",
    "data folder",
    "kill latch",
    "controls port",
    "secrets",
    *CHECKS,
    "alert channel",
    "heartbeat",
)


@frozen(kw_only=True)
class DoctorOptions:
    """Hold what the command line asked for."""

    env: str = "dev"
    config: tuple[Path, ...] = ()
    overrides: tuple[str, ...] = ()
    live: bool = False
    json: bool = False
    debug: bool = False


def run(options: DoctorOptions) -> None:
    """Examine, print, and exit with 4 when something is red."""
    findings = tuple(asyncio.run(examine(options)))
    healthy = all(finding.verdict is not Verdict.RED for finding in findings)
    if options.json:
        click.echo(json.dumps({"healthy": healthy, "findings": [attrs.asdict(item) for item in findings]}))
    else:
        _print(findings, healthy=healthy)
    if not healthy:
        sys.exit(PREFLIGHT_FAILED)


async def examine(options: DoctorOptions) -> Sequence[Finding]:
    """Return everything that was found, in the order of the checks; nothing is sent but questions and the test."""
    first = python_version()
    try:
        settings = load_settings(
            options.env, files=options.config, overrides=options.overrides, environ=os.environ
        )
    except ConfigError as error:
        faults = [red("settings", *_split(problem)) for problem in error.problems]
        return (first, *faults, *(skipped(name, "the settings are not valid") for name in _NEEDS_CONFIG))
    config = settings.config
    said = f"environment {config.env}, mode {config.mode.value}, hash {settings.config_hash[:12]}"
    secrets = find_secrets(config, ReferencedSecrets(os.environ))
    return (
        first,
        green("settings", said),
        *_machine(config),
        *secrets.findings,
        *await venue_findings(config, secrets.keys),
        *switch_findings(config),
        *await channel_findings(config, secrets.channels, send=options.live),
        *await heartbeat_findings(secrets.heartbeat, send=options.live),
    )


def _machine(config: AppConfig) -> tuple[Finding, ...]:
    folder = control_folder(config)
    return (
        extras(config),
        disk_space(folder),
        data_folder(folder),
        latch_off(folder),
        port_free(_HOST, config.controls.port),
    )


def _split(problem: str) -> tuple[str, str]:
    """Return what is wrong and what to do: the last line of a problem is its remedy."""
    *said, remedy = problem.splitlines()
    return " ".join(line.strip() for line in said) or remedy, remedy.strip()


def _print(findings: Sequence[Finding], *, healthy: bool) -> None:
    for finding in findings:
        word = click.style(f"{finding.verdict.value:<8}", fg=_COLOURS[finding.verdict], bold=True)
        click.echo(f"{word}{finding.check:<14} {finding.said}")
        if finding.remedy:
            click.echo(f"{'':<22} {finding.remedy}")
    count = sum(finding.verdict is Verdict.RED for finding in findings)
    click.echo("Ready." if healthy else f"Not ready: {count} red. Mend them and run it again.")
