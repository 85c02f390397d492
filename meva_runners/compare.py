"""Put recorded runs side by side: `python -m meva_runners.compare --help`."""

from __future__ import annotations

import sys
from pathlib import Path

import click


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("sessions", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Write comparison.html and comparison.json there.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the comparison as one JSON object.")
@click.option("--debug", is_flag=True, help="Show where an error was raised.")
def main(sessions: tuple[Path, ...], *, out: Path | None, as_json: bool, debug: bool) -> None:
    """Put SESSIONS side by side: parameters, figures, growth, and the first decision that differs from the first."""
    from meva_runners.exit_status import told

    with told(debug=debug):
        from meva_adapters.reports.comparison import comparison_html, comparison_json, print_comparison
        from meva_runners.sessions.compare import compare_sessions

        comparison, _ = compare_sessions(sessions)
        if as_json:
            click.echo(comparison_json(comparison))
        else:
            print_comparison(comparison, sys.stdout)
        if out is not None:
            out.mkdir(parents=True, exist_ok=True)
            (out / "comparison.html").write_text(comparison_html(comparison), encoding="utf-8")
            (out / "comparison.json").write_bytes(comparison_json(comparison) + b"\n")
            click.echo(f"Comparison written to {out / 'comparison.html'}", err=True)


if __name__ == "__main__":
    main(prog_name="meva compare")
