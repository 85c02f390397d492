"""`meva adapter check` proves an adapter in one line, and says what is wrong in one sentence."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from meva_runners.adapter import main

SIMULATED = "meva_runners.harnesses.simulated:harness"


def run(*arguments: str) -> Result:
    """Run the command."""
    return CliRunner().invoke(main, ["check", *arguments])


def test_a_right_adapter_is_shown_case_by_case() -> None:
    """The table names every case with its verdict, and ends with the sums; the exit status is 0."""
    result = run(SIMULATED)

    assert 0 == result.exit_code, result.output
    assert "EX-07 lost response, order filled proven" in " ".join(result.output.split())
    assert "65 proven, 0 BROKEN, 22 NOT PROVEN, 2 not declared" in result.output


def test_a_broken_adapter_is_named_with_its_promise() -> None:
    """The exit status is 1, and the case says what came and what was promised."""
    result = run("tests.contract.broken_adapters:WithExponents", "--case", "EX-20", "--case", "EX-41")

    assert 1 == result.exit_code
    assert "1 proven, 1 BROKEN" in result.output
    assert "promised: Amounts are exact, on the wire too, where they are written plainly." in result.output


@pytest.mark.parametrize(
    ("place", "port"),
    [
        ("stores:memory", "storage"),
        ("stores:memory_state", "state store"),
        ("clocks:manual", "clock"),
        ("sinks:memory", "metrics"),
    ],
)
def test_the_harness_says_which_contract_is_meant(place: str, port: str) -> None:
    """Stores, clocks, sinks and feeds are proven by the same command."""
    result = run(f"meva_runners.harnesses.{place}")

    assert 0 == result.exit_code, result.output
    assert f"{port} contract on" in result.output
    assert "0 BROKEN, 0 NOT PROVEN, 0 not declared" in result.output


def test_json_holds_every_case_and_nothing_else() -> None:
    """Standard output is one object with the counts and the cases."""
    told = json.loads(run(SIMULATED, "--json", "--case", "EX-07", "--case", "EX-20").stdout)

    assert {"proven": 1, "broken": 0, "not proven": 1, "not declared": 0} == told["counts"]
    assert ["EX-07", "EX-20"] == [case["id"] for case in told["cases"]]
    assert "the harness offers no look at the wire" == told["cases"][1]["detail"]


def test_under_strict_what_is_not_proven_fails() -> None:
    """Who wants everything proven is told when it is not."""
    cases = ("--case", "EX-07", "--case", "EX-20")
    assert (0, 1) == (run(SIMULATED, *cases).exit_code, run(SIMULATED, *cases, "--strict").exit_code)


def test_a_check_that_proves_nothing_fails() -> None:
    """Who runs it before a release is not told that all is well where nothing is known."""
    result = run(SIMULATED, "--case", "EX-20")

    assert "0 proven, 0 BROKEN, 1 NOT PROVEN" in result.output
    assert 1 == result.exit_code


@pytest.mark.parametrize(
    ("place", "told"),
    [
        ("nothing", "Expected package.module:harness."),
        (
            "no.such.module:harness",
            "no module 'no.such.module' here. Run from the directory that holds it.\n",
        ),
        (
            "imports_another:harness",
            "imports_another cannot be imported: ModuleNotFoundError: No module named 'x_y'",
        ),
        ("meva_adapters.contracts.case:Case", "cannot be called: TypeError"),
        ("meva_runners.harnesses.simulated:nope", "has no 'nope' to call. It has: SimulatedHarness"),
        ("collections:OrderedDict", "OrderedDict is no harness. Expected a subclass of ExchangeHarness"),
    ],
)
def test_a_wrong_place_is_one_sentence(
    place: str, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A harness that cannot be found is a configuration fault, with no traceback."""
    (tmp_path / "imports_another.py").write_text("import x_y\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    result = run(place)

    assert 3 == result.exit_code
    assert told in result.output
    assert "Traceback" not in result.output


def test_an_unknown_case_is_refused() -> None:
    """The message says which cases there are."""
    result = run(SIMULATED, "--case", "EX-99")

    assert 3 == result.exit_code
    assert "--case: got 'EX-99'. The exchange contract has EX-01 to EX-96." in result.output


def test_the_checker_needs_no_pytest() -> None:
    """Who checks an adapter installs no test framework: the cases are plain code."""
    script = (
        "import sys; sys.modules['pytest'] = None; "
        f"sys.argv = ['adapter', 'check', '{SIMULATED}', '--case', 'EX-07', '--json']; "
        "from meva_runners.adapter import main; main()"
    )
    finished = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False
    )

    assert 0 == finished.returncode, finished.stderr
    assert 1 == json.loads(finished.stdout)["counts"]["proven"]
