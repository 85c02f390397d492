"""Every metrics sink keeps the metrics contract; statsd is heard on a real socket."""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from meva_adapters.contracts.metrics import MetricsContract
from meva_adapters.contracts.metrics_kit import MetricsHarness
from meva_adapters.metrics.memory import MemoryMetricsSink
from meva_adapters.metrics.prometheus_sink import PrometheusMetricsSink
from meva_adapters.metrics.statsd_sink import StatsdMetricsSink, encoded_name
from meva_core.ops.metrics import METRICS, Measurement, emit
from meva_core.ports.metrics import MetricsSink
from meva_runners.harnesses.sinks import MemorySinkHarness, NoSinkHarness


class PrometheusSinkHarness(MetricsHarness):
    """Read what Prometheus fetches through its own parser."""

    def make(self) -> MetricsSink:
        return PrometheusMetricsSink()

    def value_of(self, sink: MetricsSink, name: str, tags: Mapping[str, str]) -> float | None:
        assert isinstance(sink, PrometheusMetricsSink)
        wanted = {f"meva_{name}", f"meva_{name}_total", f"meva_{name}_sum"}
        for family in text_string_to_metric_families(sink.exposition().decode()):
            for sample in family.samples:
                if sample.name in wanted and sample.labels == tags:
                    return float(sample.value)
        return None


class StatsdSinkHarness(MetricsHarness):
    """Read what is sent as a statsd server reads it, on a real socket."""

    def make(self) -> MetricsSink:
        self.server = listening()
        self.values: dict[str, float] = {}
        self.sink = StatsdMetricsSink("127.0.0.1", self.server.getsockname()[1])
        return self.sink

    def close(self) -> None:
        self.sink.close()
        self.server.close()

    def value_of(self, sink: MetricsSink, name: str, tags: Mapping[str, str]) -> float | None:
        for datagram in heard(self.server, sink):
            for line in datagram.split("\n"):
                self._take(line)
        return self.values.get(f"meva.{encoded_name(name, tags)}")

    def _take(self, line: str) -> None:
        name, _, rest = line.partition(":")
        text, _, kind = rest.partition("|")
        assert kind in {"c", "g", "ms"}, line
        relative = kind == "c" or (kind == "g" and text[0] in "+-")
        self.values[name] = float(text) + (self.values.get(name, 0.0) if relative else 0.0)


class TestMemoryMetricsSink(MetricsContract):
    """The sink of tests and notebooks."""

    harness = MemorySinkHarness


class TestNoMetricsSink(MetricsContract):
    """The sink of those who want none."""

    harness = NoSinkHarness


class TestPrometheusMetricsSink(MetricsContract):
    """The sink that Prometheus fetches from."""

    harness = PrometheusSinkHarness


class TestStatsdMetricsSink(MetricsContract):
    """The sink that sends."""

    harness = StatsdSinkHarness


def listening() -> socket.socket:
    """Return a statsd server's socket."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind(("127.0.0.1", 0))
    sock.settimeout(5)
    return sock


def test_every_metric_has_one_panel_that_asks_for_what_is_exposed() -> None:
    """The Grafana file shows every metric, by the very names that Prometheus finds."""
    sink = PrometheusMetricsSink()
    for name, metric in METRICS.items():
        tags = dict.fromkeys(metric.tags, "x")
        emit(sink, [Measurement(metric.kind, name, 1, tags)])
    exposed = {
        sample.name
        for family in text_string_to_metric_families(sink.exposition().decode())
        for sample in family.samples
    }
    panels = json.loads(Path("docs/grafana.json").read_text(encoding="utf-8"))["panels"]
    asked = [re.findall(r"meva_\w+", panel["targets"][0]["expr"]) for panel in panels]

    assert sorted(METRICS) == sorted(panel["title"].split()[0] for panel in panels)
    assert {1} == {len(names) for names in asked}
    assert {names[0] for names in asked} <= exposed


def test_series_of_a_wrong_kind_or_beyond_the_bound_are_dropped_and_counted() -> None:
    """A mistake in a tag cannot eat the server's memory."""
    sink = PrometheusMetricsSink()
    for number in range(1_100):
        sink.gauge("fill_ratio", 1, {"symbol": str(number)})
    sink.incr("fill_ratio", 1, {"symbol": "0"})

    assert 101 == sink.dropped


@pytest.fixture
def server() -> Iterator[socket.socket]:
    """Return a statsd server's socket."""
    with listening() as sock:
        yield sock


@pytest.fixture
def statsd_sink(server: socket.socket) -> Iterator[StatsdMetricsSink]:
    """Return a sink that speaks to the server."""
    sink = StatsdMetricsSink("127.0.0.1", server.getsockname()[1])
    yield sink
    sink.close()


def heard(server: socket.socket, sink: MetricsSink) -> list[str]:
    """Return the datagrams so far: a last line is sent, and everything before it read."""
    sink.incr("that_was_all")
    datagrams: list[str] = []
    while not datagrams or "that_was_all" not in datagrams[-1]:
        datagrams.append(server.recv(65_536).decode("ascii"))
    return datagrams[:-1]


def test_lines_are_as_a_server_expects(server: socket.socket, statsd_sink: StatsdMetricsSink) -> None:
    """Prefix, name, tags sorted by name, value and type, on the wire."""
    statsd_sink.incr("order_submit_total", 2, {"status": "accepted", "b": "X Y"})
    statsd_sink.gauge("slippage_bps", 1.5, {"symbol": "BTC/USDT"})
    statsd_sink.timing_ms("tick_duration_ms", 0.25)

    assert [
        "meva.order_submit_total.b.x_y.status.accepted:2|c",
        "meva.slippage_bps.symbol.btc_usdt:1.5|g",
        "meva.tick_duration_ms:0.250000|ms",
    ] == heard(server, statsd_sink)


def test_negative_gauge_is_one_datagram(server: socket.socket, statsd_sink: StatsdMetricsSink) -> None:
    """Reset and level travel together, so that no reader sees the reset alone."""
    statsd_sink.gauge("realized_pnl", -5.5)

    assert ["meva.realized_pnl:0|g\nmeva.realized_pnl:-5.5|g"] == heard(server, statsd_sink)


def test_hostile_tag_cannot_forge_a_line(server: socket.socket, statsd_sink: StatsdMetricsSink) -> None:
    """What a venue writes into a reason stays within the name."""
    statsd_sink.incr("signals_rejected_total", 1, {"reason": "x:1|c\nmeva.kill_switch_active:0|g"})

    assert ["meva.signals_rejected_total.reason.x_1_c_meva_kill_switch_active_0_g:1|c"] == heard(
        server, statsd_sink
    )


def test_unknown_host_degrades() -> None:
    """A server name that does not resolve costs the metrics, not the start."""
    sink = StatsdMetricsSink("no such host", 8125)
    sink.incr("orders")

    assert "no such host:8125" in sink.problem
    assert 1 == sink.dropped


def test_closed_port_is_silent(server: socket.socket, statsd_sink: StatsdMetricsSink) -> None:
    """A server that went away is not noticed, and nothing raises."""
    server.close()
    for _ in range(3):
        statsd_sink.gauge("level", 1.0)

    assert 0 == statsd_sink.dropped


def test_closed_sink_drops(statsd_sink: StatsdMetricsSink) -> None:
    """What comes after the end is counted as dropped."""
    statsd_sink.close()
    statsd_sink.close()
    statsd_sink.gauge("level", 1.0)

    assert 1 == statsd_sink.dropped


def test_memory_of_durations_is_bounded() -> None:
    """Only the newest durations remain."""
    sink = MemoryMetricsSink(timings_max=2)
    for duration in (1.0, 2.0, 3.0):
        sink.timing_ms("tick", duration)

    assert (2.0, 3.0) == sink.durations_ms("tick")
