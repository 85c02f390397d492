"""The adapter over ccxt keeps the exchange contract; ccxt is installed beside the project, for this test alone.

It weighs 74 MB and pins the exact versions of what it shares with us, so it is no part of the development environment.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from meva_adapters.contracts.case import Verdict
from meva_adapters.contracts.exchange_kit import EXCHANGE
from tests.contract.expected_verdicts import CCXT
from tests.contract.test_venue_clients import CLIENTS, INSTALL_S_MAX, ROOT

CHECK_S_MAX = 120
[PACKAGE] = [name for name in CLIENTS if name.startswith("ccxt==")]
# Where nothing is stated, the cases that this changes, and one that it does not; without it, all.
CASES: dict[str, tuple[str, ...]] = {
    "harness": (),
    "weakest": ("EX-01", "EX-03", "EX-16", "EX-17", "EX-18", "EX-38", "EX-46"),
}


@pytest.fixture(scope="module")
def with_ccxt(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Return an environment in which ccxt can be imported."""
    folder = tmp_path_factory.mktemp("ccxt")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-input", "install", "--quiet"]
    target = ["--no-deps", "--no-compile", "--target", str(folder), PACKAGE]
    subprocess.run([*pip, *target], check=True, timeout=INSTALL_S_MAX)
    return os.environ | {"PYTHONPATH": os.pathsep.join((str(ROOT), str(folder)))}


@pytest.mark.parametrize("name", ["harness", pytest.param("weakest", marks=pytest.mark.prove)])
def test_ccxt_keeps_its_promise(name: str, with_ccxt: dict[str, str]) -> None:
    """Binance through ccxt on the venue server: what is stated of it is proven, and what is not stated is refused."""
    place = f"meva_runners.harnesses.ccxt_binance:{name}"
    chosen = [f"--case={case}" for case in CASES[name]]
    run = subprocess.run(
        [sys.executable, "-m", "meva_runners.adapter", "check", place, "--json", *chosen],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=with_ccxt,
        timeout=CHECK_S_MAX,
        check=False,
    )
    told = json.loads(run.stdout)
    verdicts = {case["id"]: Verdict[case["verdict"].upper().replace(" ", "_")] for case in told["cases"]}

    expected = {case.case_id: CCXT[name].verdict_of(case) for case in EXCHANGE.chosen(CASES[name])}
    assert expected == verdicts, run.stdout
    assert 0 == run.returncode
