"""Trade real money: `python -m meva_runners.live --help`."""

from __future__ import annotations

import click

from meva_runners.trading.options import ARM, LIVE_EXAMPLES, RECORD, TradingOptions, trading_options


@click.command(epilog=LIVE_EXAMPLES, context_settings={"help_option_names": ["-h", "--help"]})
@trading_options(ARM, RECORD, env="prod")
def main(options: TradingOptions) -> None:
    """Trade real money on the configured account.

    It starts only when --arm says the account, the largest order and the largest daily loss as they are configured,
    and the venue confirms account, key, clock and market rules. The first minutes run at a reduced limit.
    """
    from meva_runners.exit_status import told

    with told(debug=options.debug):  # Around the imports too: they take long enough for a Ctrl-C.
        import asyncio
        import sys

        from meva_runners.trading.live_app import trade_live

        sys.exit(asyncio.run(trade_live(options)))


if __name__ == "__main__":
    main(prog_name="meva live")
