"""Every metric of the specification leaves a trading agent: to a real statsd receiver, and for Prometheus."""

from __future__ import annotations

import asyncio
import json
import re
import signal
import socket
import threading
from pathlib import Path

import aiohttp
import pytest

from meva_adapters.controls.access import Scope, read_token
from meva_adapters.controls.client import ControlsClient
from meva_core.ops.metrics import METRICS, Kind, Metric
from tests.sandbox.agent_process import started, wait_for
from tests.unit.ops.test_metrics import SPECIFIED

STATSD_TYPES = {Kind.COUNTER: "c", Kind.GAUGE: "g", Kind.TIMING: "ms"}
PROMETHEUS_TYPES = {Kind.COUNTER: "counter", Kind.GAUGE: "gauge", Kind.TIMING: "histogram"}
GRAFANA = Path(__file__).resolve().parents[2] / "docs" / "grafana.json"
NOISY = (
    "--strategy", "tests.sandbox.noisy:Noisy",
    "--set", "execution.reconcile_interval_s=1",
    "--set", "risk.max_orders_per_window=1000",
    "--set", "risk.max_repeated_orders=500",
    "--set", "runtime.heartbeat_ms=200",
    "--set", "observability.metrics=statsd",
)  # fmt: skip


class Statsd:
    """Receive datagrams on a real port, in a thread of its own."""

    def __init__(self) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        self.lines: set[str] = set()
        self._thread = threading.Thread(target=self._receive)
        self._thread.start()

    def _receive(self) -> None:
        while datagram := self.socket.recv(65_536):
            self.lines |= set(datagram.decode("ascii").splitlines())

    def close(self) -> None:
        """End the thread by an empty datagram."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as last:
            last.sendto(b"", ("127.0.0.1", self.port))
        self._thread.join(5)
        self.socket.close()


async def exposition(client: ControlsClient) -> str:
    """Return what Prometheus would fetch."""
    headers = {"Authorization": f"Bearer {read_token(client.folder, Scope.READ)}"}
    async with (
        aiohttp.ClientSession() as http,
        http.get(f"{client.url}/v1/metrics", headers=headers) as response,
    ):
        assert 200 == response.status
        assert response.headers["Content-Type"].startswith("text/plain; version=0.0.4")
        return await response.text()


@pytest.fixture(scope="module")
def heard(tmp_path_factory: pytest.TempPathFactory) -> tuple[set[str], str]:
    """Run an agent that does everything that is measured; return what statsd and Prometheus got."""
    statsd = Statsd()
    try:
        port = ("--set", f"observability.statsd_port={statsd.port}")
        with started("paper", tmp_path_factory.mktemp("metrics"), *NOISY, *port) as agent:
            client = agent.controls()
            wait_for(client, lambda status: {"fill"} <= {line["kind"] for line in status["decisions"]})
            wait_for(client, lambda status: status["events"] > 150)
            exposed = asyncio.run(exposition(client))
            agent.end(signal.SIGTERM)
    finally:
        statsd.close()
    return statsd.lines, exposed


@pytest.mark.parametrize("name", SPECIFIED)
def test_statsd_gets_it_with_its_kind_and_tags(name: str, heard: tuple[set[str], str]) -> None:
    """`meva.<name>[.<tag>.<value>]...:<number>|<type>`: every specified name arrives as the table describes it."""
    lines, _ = heard
    metric = METRICS[name]
    tags = "".join(rf"\.{tag}\.[a-z0-9_-]+" for tag in sorted(metric.tags))
    form = re.compile(rf"meva\.{name}{tags}:-?[0-9.e+-]+\|{STATSD_TYPES[metric.kind]}")

    assert any(form.fullmatch(line) for line in lines), sorted(line for line in lines if name in line)[:5]


@pytest.mark.parametrize("name", SPECIFIED)
def test_prometheus_finds_it_with_its_kind_and_tags(name: str, heard: tuple[set[str], str]) -> None:
    """The exposition on the controls' port has a TYPE line and a sample with exactly the tags of the table."""
    _, exposed = heard
    metric = METRICS[name]

    assert f"# TYPE meva_{name} {PROMETHEUS_TYPES[metric.kind]}\n" in exposed
    sample = re.search(rf"^meva_{name}(?:_bucket)?(\{{[^}}]*\}})? \S+$", exposed, re.MULTILINE)
    assert sample is not None
    assert set(metric.tags) == set(re.findall(r"(\w+)=", sample[1] or "")) - {"le"}


def test_nothing_else_is_measured(heard: tuple[set[str], str]) -> None:
    """Every name that leaves is one of the table, and each of the table has a unit and a meaning."""
    lines, exposed = heard
    sent = {line.split(":")[0].split(".")[1] for line in lines}
    shown = set(re.findall(r"^# TYPE meva_(\w+) (?:counter|gauge|histogram)$", exposed, re.MULTILINE))

    shown = {name for name in shown if not name.endswith("_created")}  # The client library's own.

    assert set() == (sent | shown) - set(METRICS)
    assert all(metric.unit and metric.meaning for metric in METRICS.values())


def test_the_dashboard_file_shows_only_what_is_exposed(heard: tuple[set[str], str]) -> None:
    """Each series that docs/grafana.json asks for is in the exposition of a trading agent."""
    _, exposed = heard
    panels = json.loads(GRAFANA.read_text())["panels"]
    asked = {
        name for panel in panels for target in panel.get("targets", ()) for name in series_of(target["expr"])
    }
    samples = set(re.findall(r"^(meva_\w+)(?:\{| )", exposed, re.MULTILINE))

    assert set() == asked - samples
    assert {exposed_name(name, metric) for name, metric in METRICS.items()} <= asked


def series_of(expression: str) -> set[str]:
    """Return the names of series in a query."""
    return set(re.findall(r"\bmeva_\w+", expression))


def exposed_name(name: str, metric: Metric) -> str:
    """Return the series by which a metric is drawn."""
    return f"meva_{name}_bucket" if metric.kind is Kind.TIMING else f"meva_{name}"
