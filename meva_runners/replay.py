"""Replay recordings through the agent and report what it did: `python -m meva_runners.replay --help`."""

from __future__ import annotations

import click

from meva_runners.replaying.options import EXAMPLES, ReplayOptions, replay_options


@click.command(epilog=EXAMPLES, context_settings={"help_option_names": ["-h", "--help"]})
@replay_options
def main(options: ReplayOptions) -> None:
    """Replay recordings through the agent, decide on them, and report the result.

    TAPE is a recording (trades or bars as CSV or Parquet, Binance dumps, raw frames, a recorded session),
    packed or not, recognised by its content. Without one, the bundled three days of BTC/USDT are replayed.
    """
    from meva_runners.exit_status import told
    from meva_runners.numerics import on_one_thread

    on_one_thread()
    with told(debug=options.debug):  # Around the imports too: they take long enough for a Ctrl-C.
        from meva_runners.replaying.app import ReplayApp
        from meva_runners.replaying.verify import verify_session

        if options.verify:
            verify_session(options)
        else:
            ReplayApp.from_options(options).run()


if __name__ == "__main__":
    main(prog_name="meva replay")
