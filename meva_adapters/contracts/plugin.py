"""Give pytest the option `--adapter`, and a closing line that says how much of the contract is proven."""

from __future__ import annotations

from typing import Any

import pytest

from meva_adapters.contracts.case import Verdict


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option."""
    parser.addoption(
        "--adapter", metavar="MODULE:NAME", help="the harness on which meva's contracts are to be run"
    )


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Count what is proven, broken and not proven."""
    if not terminalreporter.config.getoption("--adapter"):
        return
    counts = {"proven": len(terminalreporter.stats.get("passed", []))}
    counts["broken"] = len(terminalreporter.stats.get("failed", []))
    skipped = [str(report.longrepr) for report in terminalreporter.stats.get("skipped", [])]
    for verdict in (Verdict.NOT_PROVEN, Verdict.NOT_DECLARED):
        counts[verdict.lower()] = sum(f"{verdict}:" in reason for reason in skipped)
    told = ", ".join(f"{count} {name}" for name, count in counts.items())
    terminalreporter.write_line(f"contract: {told}")
