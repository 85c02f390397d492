"""Check an adapter against the contract of its port: `python -m meva_runners.adapter --help`."""

from __future__ import annotations

import click

EXAMPLES = """
\b
Examples:
  meva adapter check mypkg.venue:harness                  every case of the port that the harness is for
  meva adapter check mypkg.venue:harness --case EX-07     one case
  meva adapter check meva_runners.harnesses.binance:harness --json
"""


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Prove adapters: an exchange, a market feed, a store, a clock or a metrics sink of your own."""


@main.command(epilog=EXAMPLES)
@click.argument("harness", metavar="MODULE:HARNESS")
@click.option("--case", "cases", multiple=True, metavar="ID", help="Only this case; may be repeated.")
@click.option("--strict", is_flag=True, help="Fail also where something could not be proven.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object instead of a table.")
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
def check(harness: str, *, cases: tuple[str, ...], strict: bool, as_json: bool, debug: bool) -> None:
    """Run the cases of a contract on the adapter that MODULE:HARNESS starts.

    A case is proven, BROKEN, NOT PROVEN where the harness cannot bring it about, or not declared where it is about
    something that the adapter does not offer. The exit status is 1 when a case is BROKEN, and when none is proven.
    """
    from meva_runners.exit_status import told

    with told(debug=debug):
        from meva_runners.commands.adapter_app import check_adapter

        check_adapter(harness, cases=cases, strict=strict, as_json=as_json)


if __name__ == "__main__":
    main(prog_name="meva adapter")
