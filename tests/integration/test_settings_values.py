"""Values arrive exactly as they were written, from whichever source comes last."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import Any

import pytest
from attrs import Factory, frozen

from meva_adapters.settings import (
    LoadedSettings,
    build_strategy,
    config_digest,
    config_from_json,
    load_settings,
)
from meva_adapters.settings.packaged import packaged_config_dir
from meva_core.config.schema import LogCategory, LogLevel, Mode
from meva_core.errors import ConfigError


def load(
    text: str = "",
    *,
    folder: Path,
    env: str = "dev",
    environ: Mapping[str, str] | None = None,
    overrides: Sequence[str] = (),
) -> LoadedSettings:
    """Return the packaged settings under a file with *text*, variables and options."""
    file = folder / "mine.yaml"
    file.write_text(text, encoding="utf-8")
    return load_settings(env, files=[file], environ=environ or {}, overrides=overrides)


def parameter(text: str, folder: Path) -> Any:
    """Return what *text* becomes where any type is welcome."""
    settings = load(f"strategies: [{{name: a, parameters: {{x: {text}}}}}]", folder=folder)
    return settings.config.strategies[0].parameters["x"]


@pytest.mark.parametrize("env", ["", "dev", "stage", "prod"])
def test_the_shipped_settings_are_valid(env: str) -> None:
    """Every environment loads as it is shipped, with no variable set."""
    settings = load_settings(env, environ={})

    assert env == settings.config.env
    assert list(LogCategory) == list(settings.config.observability.logging.levels)


@pytest.mark.parametrize(
    ("env", "mode"), [("dev", Mode.REPLAY), ("stage", Mode.SHADOW), ("prod", Mode.LIVE), ("", Mode.REPLAY)]
)
def test_an_environment_has_its_mode(env: str, mode: Mode) -> None:
    """Only production trades real money."""
    assert mode is load_settings(env, environ={}).config.mode


def test_only_known_files_are_shipped() -> None:
    """A new file in the folder would become an environment."""
    files = sorted(path.name for path in packaged_config_dir().glob("*.yaml"))

    assert ["base.yaml", "dev.yaml", "logging.yaml", "prod.yaml", "stage.yaml"] == files


def test_twenty_digits_survive(tmp_path: Path) -> None:
    """A number is exact to its last digit, unquoted, from every source and through the canonical text."""
    digits = "1234567890.1234567891"

    settings = load(
        f"risk: {{daily_loss_limit: {digits}}}",
        folder=tmp_path,
        environ={"MEVA__RISK__MAX_DRAWDOWN_LIMIT": digits},
        overrides=[f"treasury.min_reserve={digits}"],
    )

    config = config_from_json(settings.config_json)
    assert [digits] * 3 == [
        str(config.risk.daily_loss_limit),
        str(config.risk.max_drawdown_limit),
        str(config.treasury.min_reserve),
    ]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("NO", "NO"),
        ("yes", "yes"),
        ("on", "on"),
        ("12:30:45", "12:30:45"),
        ("2026-11-23", "2026-11-23"),
        ("010", 10),
        ("0x10", "0x10"),
        ("0o10", "0o10"),
        ("1_000", "1_000"),
        ("1e5", Decimal(100_000)),
        ("0.10", Decimal("0.1")),
        (".5", Decimal("0.5")),
        ("-3", -3),
        ("true", True),
        ("False", False),
        ("null", None),
        ("~", None),
        (".nan", ".nan"),
        (".inf", ".inf"),
        ("1e999999999", "1e999999999"),
        ("1e9999999999999999999999", "1e9999999999999999999999"),
        ("12345678901234567890123456789", "12345678901234567890123456789"),
        ("'10'", "10"),
        ("<<", "<<"),
        ("٣", "٣"),
    ],
)
def test_scalars_follow_yaml_1_2(text: str, value: object, tmp_path: Path) -> None:
    """No word becomes a boolean, no time a number, no date an object, and no number loses a digit."""
    read = parameter(text, tmp_path)

    assert (value, type(value)) == (read, type(read))


@pytest.mark.parametrize(
    ("key", "text"),
    [
        ("risk.resume_after_daily_loss", '"false"'),
        ("risk.resume_after_daily_loss", "no"),
        ("risk.resume_after_daily_loss", "0"),
        ("risk.max_open_orders", "1.9"),
        ("risk.max_open_orders", "true"),
        ("risk.max_open_orders", '"5"'),
        ("risk.daily_loss_limit", "true"),
        ("risk.daily_loss_limit", "null"),
        ("risk.daily_loss_limit", ".nan"),
        ("signals.min_confidence", '"0.5"'),
        ("account", "null"),
        ("account", "10"),
        ("account", "true"),
        ("observability.alert_channels", "log"),
        ("observability.alert_channels", "{log: 1}"),
        ("exchange", "simulated"),
        ("exchange.balances", "[1]"),
        ("risk", "null"),
        ("mode", "PAPER"),
        ("observability.log_level", "info"),
        ("observability.logging.levels.orders", "INFO"),
    ],
)
def test_nothing_is_converted_silently(key: str, text: str, tmp_path: Path) -> None:
    """Where cattrs alone would read a value of another kind, the value is refused."""
    with pytest.raises(ConfigError) as caught:
        load(folder=tmp_path, overrides=[f"{key}={text}"])

    assert key in caught.value.problems[0]


def test_later_sources_override_earlier_ones(tmp_path: Path) -> None:
    """Base, environment, file, variable, option: the last one that speaks decides, and is named."""
    keys = (
        "max_open_orders",
        "max_notional_per_trade",
        "order_window_s",
        "breaker_cool_down_s",
        "price_collar_bps",
    )
    text = "risk: {order_window_s: 61, breaker_cool_down_s: 61, price_collar_bps: 61}"
    environ = {"MEVA__RISK__BREAKER_COOL_DOWN_S": "62", "MEVA__RISK__PRICE_COLLAR_BPS": "62"}

    settings = load(text, folder=tmp_path, environ=environ, overrides=["risk.price_collar_bps=63"])

    places = [settings.origins[f"risk.{key}"] for key in keys]
    assert [20, 1000, 61, 62, 63] == [getattr(settings.config.risk, key) for key in keys]
    assert ["config/base.yaml", "config/dev.yaml", "mine.yaml"] == [
        place.rsplit(":", 2)[0].removeprefix(f"{tmp_path}/").removeprefix(f"{Path.cwd()}/")
        for place in places[:3]
    ]
    assert ["environment variable MEVA__RISK__BREAKER_COOL_DOWN_S", "--set risk.price_collar_bps"] == places[
        3:
    ]


def test_every_written_value_has_its_place() -> None:
    """Each place names the file, line and column where the value really stands."""
    settings = load_settings("prod", environ={})

    path, line, column = settings.origins["exchange.api_key"].rsplit(":", 2)
    written = Path(path).read_text(encoding="utf-8").splitlines()[int(line) - 1]
    assert "env:MEVA_TRADE_API_KEY" == written[int(column) - 1 :]


def test_mappings_merge_and_lists_are_replaced(tmp_path: Path) -> None:
    """A balance is added to the others; a list of instruments stands for itself."""
    text = """\
exchange:
  balances: {BTC: 2}
  instruments: [{symbol: BTC/USDT, tick_size: 0.01, lot_size: 0.001}]
"""
    exchange = load(text, folder=tmp_path).config.exchange

    assert {"USDT": Decimal(100_000), "BTC": Decimal(2)} == exchange.balances
    assert ["BTC/USDT"] == [instrument.symbol for instrument in exchange.instruments]


def test_variables_reach_words_lists_and_asset_names(tmp_path: Path) -> None:
    """Enums, text, flow lists, positions and new keys can be set; other variables are left alone."""
    environ = {
        "MEVA__MODE": "paper",
        "MEVA__OBSERVABILITY__LOG_FILE": "",
        "MEVA__OBSERVABILITY__LOG_LEVEL": "WARNING",
        "MEVA__OBSERVABILITY__ALERT_CHANNELS": "[log, 'env:URL']",
        "MEVA__STRATEGIES__0__PARAMETERS__FAST": "20",
        "MEVA__STRATEGIES__1__NAME": "mean_reversion",
        "MEVA__EXCHANGE__BALANCES__USDT": "5",
        "MEVA__EXCHANGE__BALANCES__BTC": "0.5",
        "MEVA_RECORDINGS": "/somewhere",
        "PATH": "/bin",
    }

    config = load(folder=tmp_path, environ=environ).config

    assert Mode.PAPER is config.mode
    assert ("", LogLevel.WARNING) == (config.observability.log_file, config.observability.log_level)
    assert ("log", "env:URL") == config.observability.alert_channels
    assert {"fast": 20} == config.strategies[0].parameters
    assert "mean_reversion" == config.strategies[1].name
    assert {"USDT": Decimal(5), "BTC": Decimal("0.5")} == config.exchange.balances


def test_options_take_values_as_they_stand(tmp_path: Path) -> None:
    """Positions, equals signs, hashes and whole mappings arrive as written; keys keep their case."""
    overrides = [
        "strategies.0.parameters.fast=20",
        "strategies.0.parameters.Note=a=b #c",
        "strategies.0.parameters.bands={low: 0.1, high: [1, 2]}",
        "strategies.0.symbols=[BTC/USDT]",
    ]

    (strategy,) = load(folder=tmp_path, overrides=overrides).config.strategies

    assert ("BTC/USDT",) == strategy.symbols
    assert {
        "fast": 20,
        "Note": "a=b #c",
        "bands": {"low": Decimal("0.1"), "high": [1, 2]},
    } == strategy.parameters


def test_a_list_can_be_started_by_its_first_position(tmp_path: Path) -> None:
    """Where nothing was written yet, position 0 starts a list."""
    settings = load(folder=tmp_path, overrides=["strategies.0.symbols.0=BTC/USDT"])

    assert ("BTC/USDT",) == settings.config.strategies[0].symbols


def test_an_empty_file_changes_nothing(tmp_path: Path) -> None:
    """Comments alone, or nothing at all, leave the settings as they were."""
    plain = load_settings("dev", environ={})

    assert [plain.config_hash] * 2 == [
        load(text, folder=tmp_path).config_hash for text in ("", "# Nothing.\n")
    ]


def test_equal_settings_have_equal_hashes(tmp_path: Path) -> None:
    """Spelling, order and source of a number do not matter; its value does."""
    written = (
        "risk: {price_collar_bps: 50}",
        "risk: {price_collar_bps: 5.00e1}",
        'risk: {price_collar_bps: "50.0"}',
    )

    hashes = [load(text, folder=tmp_path).config_hash for text in written]
    hashes.append(load(folder=tmp_path, overrides=["risk.price_collar_bps=+50."]).config_hash)

    assert [hashes[0]] * 4 == hashes
    assert hashes[0] != load("risk: {price_collar_bps: 50.1}", folder=tmp_path).config_hash


def test_the_hash_is_that_of_the_canonical_text() -> None:
    """Anyone can compute the hash again from what a session records."""
    settings = load_settings("prod", environ={})

    assert settings.config_hash == config_digest(settings.config_json)
    assert 32 == len(settings.config_hash)


def test_the_canonical_text_holds_references_only() -> None:
    """Secrets are recorded as the places where they are."""
    text = load_settings("prod", environ={"MEVA_TRADE_API_KEY": "hunter2"}).config_json

    assert '"api_key":"env:MEVA_TRADE_API_KEY"' in text
    assert "hunter2" not in text


def test_the_canonical_text_keeps_kinds_of_parameters(tmp_path: Path) -> None:
    """Whole numbers, exact numbers, text and nothing come back as what they were."""
    text = (
        "strategies: [{name: a, parameters: {a: 5, b: 5.0, c: '5', d: null, e: [true, {f: 1e3}], g: 0.10}}]"
    )
    before = load(text, folder=tmp_path).config

    after = config_from_json(load(text, folder=tmp_path).config_json)

    kinds = {key: type(value) for key, value in before.strategies[0].parameters.items()}
    assert before == after
    assert kinds == {key: type(value) for key, value in after.strategies[0].parameters.items()}


class Side(StrEnum):
    """Stand for a parameter with few values."""

    LONG = "long"
    BOTH = "both"


@frozen
class Bands:
    """Stand for a parameter with parts."""

    low: Decimal = Decimal(1)


@frozen
class Everything:
    """Stand for a strategy with every kind of parameter that can be configured."""

    fast: int = 1
    ratio: float = 0.5
    quantity: Decimal | None = None
    side: Side = Side.LONG
    timeframe: str | None = "1m"
    windows: tuple[int, ...] = ()
    names: list[str] = Factory(list)
    weights: dict[str, Decimal] = Factory(dict)
    bands: Bands = Bands()


def test_a_strategy_is_built_from_its_parameters() -> None:
    """Every kind of field takes its own kind of value."""
    parameters = {
        "fast": 3,
        "ratio": Decimal("0.25"),
        "quantity": "0.10",
        "side": "both",
        "timeframe": None,
        "windows": [1, 2],
        "names": ["a"],
        "weights": {"a": 1},
        "bands": {"low": Decimal(2)},
    }

    strategy = build_strategy(Everything, parameters, "strategies.0.parameters")

    assert strategy == Everything(
        fast=3,
        ratio=0.25,
        quantity=Decimal("0.10"),
        side=Side.BOTH,
        timeframe=None,
        windows=(1, 2),
        names=["a"],
        weights={"a": Decimal(1)},
        bands=Bands(Decimal(2)),
    )


def test_a_folder_of_ones_own_replaces_the_packaged_one(tmp_path: Path) -> None:
    """Another set of environments can be chosen as a whole."""
    (tmp_path / "base.yaml").write_text(
        "exchange: {instruments: [{symbol: A/USDT, tick_size: 1, lot_size: 1}]}", encoding="utf-8"
    )
    (tmp_path / "logging.yaml").write_text("", encoding="utf-8")

    settings = load_settings("", environ={}, config_dir=tmp_path)

    assert ["A/USDT"] == [instrument.symbol for instrument in settings.config.exchange.instruments]
