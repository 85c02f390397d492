"""The schema's own small promises."""

from __future__ import annotations

from decimal import Decimal

import attrs
import pytest

from meva_core.config.schema import (
    AppConfig,
    InstrumentConfig,
    LogCategory,
    LoggingConfig,
    LogLevel,
    Mode,
)
from meva_core.errors import OffGridError
from meva_core.model.instrument import Instrument
from tests.unit.config.examples import instrument


def test_the_default_mode_touches_nothing() -> None:
    """Without a word from anybody, the agent replays."""
    assert Mode.REPLAY is AppConfig().mode


def test_an_instrument_config_becomes_its_instrument() -> None:
    """Every field arrives, and base and quote come from the symbol."""
    config = InstrumentConfig(
        "BTC/USDT",
        tick_size=Decimal("0.01"),
        lot_size=Decimal("0.001"),
        min_quantity=Decimal("0.002"),
        max_quantity=Decimal(9),
        min_notional=Decimal(5),
        max_notional=Decimal(900),
        asset_decimals=6,
    )

    assert {**attrs.asdict(config), "base": "BTC", "quote": "USDT"} == attrs.asdict(config.instrument())


def test_the_two_instruments_have_the_same_fields() -> None:
    """A field added to one is added to the other."""
    configured = [field.name for field in attrs.fields(InstrumentConfig)]

    assert configured == [
        field.name for field in attrs.fields(Instrument) if field.name not in {"base", "quote"}
    ]


def test_a_symbol_without_a_slash_is_no_instrument() -> None:
    """A venue's own spelling cannot be split safely."""
    with pytest.raises(OffGridError):
        instrument("BTCUSDT").instrument()


def test_defaults_are_not_shared() -> None:
    """Two configurations do not see each other's balances."""
    assert AppConfig().exchange.balances is not AppConfig().exchange.balances


def test_a_category_without_a_level_takes_the_general_one() -> None:
    """What is not configured is as loud as the rest."""
    logging = LoggingConfig(levels={LogCategory.ALERT: LogLevel.ERROR})

    assert LogLevel.ERROR is logging.level_of(LogCategory.ALERT, LogLevel.INFO)
    assert LogLevel.INFO is logging.level_of(LogCategory.TREASURY, LogLevel.INFO)
