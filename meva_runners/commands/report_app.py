"""Do what the command line of a report asks for: make it, write it, say where it is."""

from __future__ import annotations

from collections.abc import Collection
from importlib.util import find_spec
from pathlib import Path

import click

from meva_adapters.reports.figure_text import figure_text
from meva_adapters.reports.report_files import FORMATS, write_report
from meva_adapters.reports.report_json import report_json
from meva_core.errors import install
from meva_core.ops.report import Report
from meva_runners.sessions.report import no_collections, report_of


def write_reports(
    session: Path,
    *,
    day: str | None = None,
    week: str | None = None,
    out: Path | None = None,
    formats: Collection[str] = (),
) -> Report:
    """Make the report of *session*, write its files to *out*, and print its headline."""
    directory = out or session.with_name(f"{session.stem}-report{_suffix(day, week)}")
    with no_collections():
        report = report_of(session, day=day, week=week)
        paths = write_report(report, directory, formats or available_formats())
    for warning in report.warnings:
        click.echo(f"Warning: {warning}", err=True)
    click.echo("   ".join(f"{figure.label} {figure_text(figure)}" for figure in report.headline[:4]))
    page = directory / "report.html"
    click.echo(f"Report written to {page if page in paths else directory}")
    return report


def print_report(session: Path, *, day: str | None = None, week: str | None = None) -> None:
    """Print the report of *session* as one JSON object."""
    click.echo(report_json(report_of(session, day=day, week=week)))


def available_formats() -> tuple[str, ...]:
    """Return every format that can be written here; Parquet needs an extra, and says so where it is left out."""
    if find_spec("pyarrow") is not None:
        return FORMATS
    click.echo(f"No Parquet files: pyarrow is not installed ({install('parquet')}).", err=True)
    return tuple(name for name in FORMATS if name != "parquet")


def _suffix(day: str | None, week: str | None) -> str:
    chosen = day or week
    return f"-{chosen}" if chosen else ""
