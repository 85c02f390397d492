"""Trade on paper: `python -m meva_runners.paper --help`."""

from __future__ import annotations

import click

from meva_runners.trading.options import MARKET, PAPER_EXAMPLES, RECORD, TradingOptions, trading_options


@click.command(epilog=PAPER_EXAMPLES, context_settings={"help_option_names": ["-h", "--help"]})
@trading_options(*MARKET, RECORD)
def main(options: TradingOptions) -> None:
    """Trade on paper at a simulated venue on this machine: no network, no key, no money.

    The venue listens on loopback and speaks as Binance does; the agent reaches it over the same sockets, with the
    same adapter, journal and limits, as it would reach the real one. With --market-url it follows a real market
    instead, and fills its orders in this process.
    """
    from meva_runners.exit_status import told

    with told(debug=options.debug):  # Around the imports too: they take long enough for a Ctrl-C.
        import asyncio
        import sys

        from meva_runners.trading.paper_app import trade_on_paper

        sys.exit(asyncio.run(trade_on_paper(options)))


if __name__ == "__main__":
    main(prog_name="meva paper")
