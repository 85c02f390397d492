"""Nothing leaks a secret, and real money is not traded unwatched."""

from __future__ import annotations

from decimal import Decimal

import pytest
from attrs import asdict, evolve

from meva_core.config.check import check
from meva_core.config.codes import Code
from meva_core.config.safety import LIVE_LIMITS, is_reference, limits_to_choose
from meva_core.config.schema import AppConfig, Mode, RiskConfig
from tests.unit.config.examples import exchange, live, valid

SECRET = "hunter2-9f3c"


def observed(config: AppConfig, *channels: str) -> AppConfig:
    """Return *config* with other alert channels."""
    return evolve(config, observability=evolve(config.observability, alert_channels=channels))


BROKEN = [
    (Code.PLAIN_SECRET, "exchange.api_key", exchange(api_key=SECRET)),
    (Code.PLAIN_SECRET, "exchange.api_secret", exchange(api_secret=SECRET)),
    (
        Code.PLAIN_SECRET,
        "observability.alert_channels.0",
        observed(valid(), f"https://hooks.example.com/{SECRET}"),
    ),
    (
        Code.PLAIN_SECRET,
        "observability.heartbeat_url",
        valid(observability=evolve(valid().observability, heartbeat_url=f"https://example.com/{SECRET}")),
    ),
    (Code.INSECURE_URL, "exchange.rest_url", exchange(rest_url="http://api.example.com")),
    (Code.INSECURE_URL, "exchange.stream_url", exchange(stream_url="ws://127.0.0.1.example.com")),
    (Code.INSECURE_URL, "exchange.ws_api_url", exchange(ws_api_url=f"wss://me:{SECRET}@example.com")),
    (Code.INSECURE_URL, "exchange.rest_url", exchange(rest_url=f"https://example.com/?token={SECRET}")),
    (Code.NO_ALERT_ROUTE, "observability.alert_channels", observed(live())),
    (Code.NO_ALERT_ROUTE, "observability.alert_channels", observed(live(), "log")),
    (Code.NO_ALERT_ROUTE, "observability.alert_channels", valid(env="prod")),
    (Code.WRONG_VENUE, "exchange.venue", evolve(live(), exchange=evolve(live().exchange, venue="simulated"))),
    (Code.MISSING, "exchange.api_secret", evolve(live(), exchange=evolve(live().exchange, api_secret=""))),
    (
        Code.OUT_OF_RANGE,
        "execution.fence_lag_bound_s",
        live(execution=evolve(live().execution, fence_lag_bound_s=10)),
    ),
]


@pytest.mark.parametrize(("code", "path", "config"), BROKEN, ids=[f"{row[0]}-{row[1]}" for row in BROKEN])
def test_a_broken_rule_is_reported_without_the_secret(code: Code, path: str, config: AppConfig) -> None:
    """The fault is named, and the value that may be a secret is not shown."""
    problems = check(config)

    assert [(code, path)] == [(problem.code, problem.path) for problem in problems]
    assert SECRET not in "".join(map(str, problems))


@pytest.mark.parametrize("text", ["env:BINANCE_KEY", "cred:meva-key", "file:/run/secrets/a b"])
def test_a_reference_names_where_a_secret_is(text: str) -> None:
    """Variables, credentials and files can be named."""
    assert is_reference(text)


@pytest.mark.parametrize(
    "text", ["", "env:", "env:1A", "ENV:A", "env:A B", "env:A\n", "file:", "vmPUZE6mv9SD5VN"]
)
def test_anything_else_is_no_reference(text: str) -> None:
    """What is not clearly a reference counts as a secret."""
    assert not is_reference(text)


@pytest.mark.parametrize("url", ["http://127.0.0.1:8080", "ws://localhost:1/ws", "http://[::1]:9/api"])
def test_this_machine_needs_no_encryption(url: str) -> None:
    """The simulated venue may be reached in the clear."""
    assert [] == check(exchange(rest_url=url))


def test_only_live_mode_wants_its_limits_chosen() -> None:
    """Every limit in money or in orders is to be written down for live mode, none for the others."""
    assert LIVE_LIMITS == limits_to_choose(live())
    assert [()] * 3 == [limits_to_choose(valid(mode=mode)) for mode in (Mode.REPLAY, Mode.PAPER, Mode.SHADOW)]


def test_the_limits_that_live_mode_wants_exist() -> None:
    """A renamed limit would silently be wanted no more; every amount among them is in the list."""
    limits = asdict(RiskConfig())
    amounts = [name for name, value in limits.items() if isinstance(value, Decimal)]

    assert [] == [path for path in LIVE_LIMITS if path.removeprefix("risk.") not in limits]
    assert [] == [name for name in amounts if f"risk.{name}" not in LIVE_LIMITS]
