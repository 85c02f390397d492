"""Whatever is written, loading ends in a configuration or in a `ConfigError`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from attrs import fields, has
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from meva_adapters.settings import LoadedSettings, config_from_json, load_settings
from meva_core.config.schema import AppConfig, InstrumentConfig, StrategyConfig
from meva_core.errors import ConfigError

CHANGES_PER_CONFIG = 5
# As short as a valid base can be: most of the time would go into reading the packaged one again and again.
BASE = "exchange: {instruments: [{symbol: BTC/USDT, tick_size: 0.01, lot_size: 0.001}]}"

# JSON words, drawn from a table: building values one by one would take longer than loading them.
VALUES = r"""
    null true -1 0 5 1000000000000000000000000000000 0.5 1e300 1e999999 NaN
    "" "yes" "replay" "live" "prod" "volume" "NaN" "0.01" "1e999999" "BTC/USDT" "X" "INFO" "INF"
    "env:A" "https://a.example" "Europe/Berlin" "\u00e9" "\ud800" "a\nb"
    [] [1] ["log","BTC/USDT"] [[]] [{}] [{"name":"a"}] {} {"a":1} {"alert":"INFO"} {"":null}
""".split()  # noqa: SIM905 - JSON in quotes would be hard to read.
INSTRUMENT = {"symbol": "BTC/USDT", "tick_size": "0.01", "lot_size": "0.001"}


def key_paths(section: object, above: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Return the keys of every section and of every value of the schema."""
    for field in fields(type(section)):
        value = getattr(section, field.name)
        yield (*above, field.name)
        if has(type(value)):
            yield from key_paths(value, (*above, field.name))


PATHS = [
    *key_paths(AppConfig()),
    *(("strategies", field.name) for field in fields(StrategyConfig)),
    *(("exchange", "instruments", field.name) for field in fields(InstrumentConfig)),
    ("risk", "surplus"),
    ("surplus",),
    ("exchange", "balances", "BTC"),
]
CHANGES = [(path, value) for path in PATHS for value in VALUES]


def spoilt(changes: list[tuple[tuple[str, ...], str]]) -> dict[str, Any]:
    """Return a valid tree with values replaced at some paths; what is no section any more is left alone."""
    tree: dict[str, Any] = {"exchange": {"instruments": [dict(INSTRUMENT)]}, "strategies": [{"name": "a"}]}
    for path, value in changes:
        parent: Any = tree
        for key in path[:-1]:
            parent = parent.setdefault(key, {}) if isinstance(parent, dict) else None
            parent = parent[0] if isinstance(parent, list) and parent else parent
        if isinstance(parent, dict):
            parent[path[-1]] = json.loads(value)
    return tree


def outcome(folder: Path, text: bytes, overrides: list[str]) -> LoadedSettings | ConfigError:
    """Return what loading *text* ends in; any other exception fails the test."""
    (folder / "base.yaml").write_text(BASE, encoding="utf-8")
    (folder / "logging.yaml").write_text("", encoding="utf-8")
    file = folder / "mine.yaml"
    file.write_bytes(text)
    try:
        return load_settings("", files=[file], environ={}, overrides=overrides, config_dir=folder)
    except ConfigError as exc:
        return exc


def check_outcome(result: LoadedSettings | ConfigError) -> None:
    """Assert that a success is whole and a failure says something."""
    if isinstance(result, LoadedSettings):
        assert result.config == config_from_json(result.config_json)
    else:
        assert result.problems
        assert all(problem.startswith("CFG-") and "\n    at " in problem for problem in result.problems)


spoilt_configs = st.lists(st.sampled_from(CHANGES), min_size=1, max_size=CHANGES_PER_CONFIG).map(spoilt)


@settings(max_examples=1_000, suppress_health_check=list(HealthCheck))
@given(tree=spoilt_configs)
def test_no_configuration_crashes_the_loader(tree: dict[str, Any], tmp_path_factory: Any) -> None:
    """Right and wrong keys with values of every kind are loaded or refused."""
    # JSON is YAML, and quicker to write.
    check_outcome(outcome(tmp_path_factory.getbasetemp(), json.dumps(tree).encode(), []))


@pytest.mark.prove
@settings(max_examples=5_000, suppress_health_check=list(HealthCheck))
@given(tree=spoilt_configs)
def test_thousands_of_configurations_crash_no_loader(tree: dict[str, Any], tmp_path_factory: Any) -> None:
    """The same claim, longer."""
    check_outcome(outcome(tmp_path_factory.getbasetemp(), json.dumps(tree).encode(), []))


@settings(max_examples=500, suppress_health_check=list(HealthCheck))
@given(text=st.binary(max_size=60) | st.text("{}[]:,-#&*!|>'\"% \n\tab1.", max_size=60).map(str.encode))
def test_no_text_crashes_the_loader(text: bytes, tmp_path_factory: Any) -> None:
    """Bytes, and text made of the characters that YAML gives a meaning, are loaded or refused."""
    check_outcome(outcome(tmp_path_factory.getbasetemp(), text, []))


@settings(max_examples=500, suppress_health_check=list(HealthCheck))
@given(
    keys=st.lists(st.sampled_from(["risk", "seed", "strategies", "0", "1", "name", "", "x"]), max_size=4),
    value=st.text(max_size=20),
)
def test_no_option_crashes_the_loader(keys: list[str], value: str, tmp_path_factory: Any) -> None:
    """Key paths and values of any form are taken or refused."""
    check_outcome(outcome(tmp_path_factory.getbasetemp(), b"", [f"{'.'.join(keys)}={value}"]))
