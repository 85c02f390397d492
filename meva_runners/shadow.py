"""Decide on a real market and account, and send nothing: `python -m meva_runners.shadow --help`."""

from __future__ import annotations

import click

from meva_runners.trading.options import RECORD, SHADOW_EXAMPLES, TradingOptions, trading_options


@click.command(epilog=SHADOW_EXAMPLES, context_settings={"help_option_names": ["-h", "--help"]})
@trading_options(RECORD, env="stage")
def main(options: TradingOptions) -> None:
    """Read a real account and follow its market, decide everything, and send nothing.

    It begins with what the account holds, fills its orders in this process, and reports at the end what it would have
    done, beside what the market then did. Nothing in it can sign an order.
    """
    from meva_runners.exit_status import told

    with told(debug=options.debug):  # Around the imports too: they take long enough for a Ctrl-C.
        import asyncio
        import sys

        from meva_runners.trading.shadow_app import trade_in_shadow

        sys.exit(asyncio.run(trade_in_shadow(options)))


if __name__ == "__main__":
    main(prog_name="meva shadow")
