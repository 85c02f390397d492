"""Clients that others wrote work against the simulated venue unchanged, each in an environment of its own.

Measured on two cores with a filled package cache: some two minutes for the first four together, most of it installing.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import venv
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

CLIENTS = {
    "ccxt==4.5.90": {"ccxt": "binance", "ccxt_kraken": "kraken"},
    "binance-sdk-spot==13.2.0": {"binance_sdk_spot": "binance"},
    "binance-connector==3.13.0": {"binance_connector": "binance"},
    "python-binance==1.0.37": {"python_binance": "binance"},
    "python-kraken-sdk==3.5.1": {"kraken_sdk": "kraken"},
}
SCRIPTS = Path(__file__).parent / "venue_clients"
ROOT = Path(__file__).parents[2]
INSTALL_S_MAX = 150
LIFE_S_MAX = 60


@contextmanager
def venue_like(exchange: str) -> Iterator[str]:
    """Start the venue as its users do, and see that it ends cleanly."""
    process = subprocess.Popen(
        [sys.executable, "-m", "meva_runners.venue", "--like", exchange, "--port", "0"],
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )
    assert process.stdout is not None
    with process.stdout:
        line = process.stdout.readline()
        assert line.startswith("listening on http://127.0.0.1:"), line
        yield line.removeprefix("listening on ").strip()
        process.send_signal(signal.SIGTERM)
        assert 0 == process.wait(timeout=10)


@pytest.mark.parametrize("client", CLIENTS)
def test_a_foreign_client_lives_a_whole_life_of_orders(client: str, tmp_path: Path) -> None:
    """It loads markets, sees the book, places, queries, cancels, is refused, and hears the streams."""
    # A system whose venv module comes without pip lends its own.
    venv.create(tmp_path / "env", with_pip=False)
    python = tmp_path / "env" / "bin" / "python"
    pip = [sys.executable, "-m", "pip", "--python", str(python), "--disable-pip-version-check", "--no-input"]
    subprocess.run([*pip, "install", "--quiet", client], check=True, timeout=INSTALL_S_MAX)

    for script, exchange in CLIENTS[client].items():
        with venue_like(exchange) as url:
            life = subprocess.run(
                [python, SCRIPTS / f"{script}_life.py", url],
                capture_output=True,
                text=True,
                timeout=LIFE_S_MAX,
                cwd=tmp_path,
                env={name: value for name, value in os.environ.items() if name != "PYTHONPATH"},
                check=False,
            )

        last = life.stdout.strip().splitlines()[-1:]
        assert (0, ["done"]) == (life.returncode, last), life.stderr
