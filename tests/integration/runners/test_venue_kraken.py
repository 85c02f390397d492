"""The command that serves a simulated Kraken, as a person starts it."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path
from urllib.request import urlopen

from click.testing import CliRunner

from meva_adapters.venue.kraken.settings import KRAKEN_SECRET
from meva_adapters.venue.settings import DEFAULT_KEY
from meva_runners.venue import main


def test_a_kraken_listens_and_stops_cleanly() -> None:
    """It names its address, answers as Kraken does, and ends with status 0 on SIGTERM."""
    command = [sys.executable, "-m", "meva_runners.venue", "--like", "kraken", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            url = process.stdout.readline().rpartition(" ")[2].strip()
            with urlopen(f"{url}/0/public/AssetPairs?pair=XBTUSD", timeout=10) as answer:
                body = answer.read()
            process.send_signal(signal.SIGTERM)
            status = process.wait(timeout=10)
        finally:
            process.kill()

    assert b'"wsname":"XBT/USD"' in body
    assert 0 == status


def test_the_help_names_the_key_and_the_secret() -> None:
    """Nobody can sign a call at the simulated Kraken without them."""
    told = CliRunner().invoke(main, ["--help"]).output

    assert DEFAULT_KEY in told
    assert KRAKEN_SECRET in told


def test_what_does_not_fit_kraken_is_said_at_once(tmp_path: Path) -> None:
    """A secret that is no base64 and a recording of another exchange: both are named, with what to do."""
    frames = tmp_path / "frames.gz"
    frames.touch()
    arguments = ["--like", "kraken", "--key", "k", "--secret", "no base64!", "--tape", str(frames)]

    ended = CliRunner().invoke(main, arguments)

    assert 0 != ended.exit_code
    assert "--secret: no base64" in ended.output
    assert "--tape: a venue like Kraken makes its own markets up" in ended.output
    assert "Traceback" not in ended.output
