"""Give the config tests one valid configuration, and a short way to spoil it."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from attrs import evolve

from meva_core.config.schema import AppConfig, ExchangeConfig, InstrumentConfig, Mode, StrategyConfig


def instrument(symbol: str = "BTC/USDT", **fields: Any) -> InstrumentConfig:
    """Return an instrument on a usual grid."""
    return InstrumentConfig(symbol, tick_size=Decimal("0.01"), lot_size=Decimal("0.001"), **fields)


def valid(**sections: Any) -> AppConfig:
    """Return a configuration without a fault, with *sections* replaced."""
    plain = AppConfig(
        exchange=ExchangeConfig(instruments=(instrument(),), balances={"USDT": Decimal(1000)}),
        strategies=(StrategyConfig("momentum", symbols=("BTC/USDT",)),),
    )
    return evolve(plain, **sections)


def exchange(**fields: Any) -> AppConfig:
    """Return the valid configuration with fields of its exchange replaced."""
    return valid(exchange=evolve(valid().exchange, **fields))


def risk(**fields: Any) -> AppConfig:
    """Return the valid configuration with fields of its limits replaced."""
    return valid(risk=evolve(valid().risk, **fields))


def live(**sections: Any) -> AppConfig:
    """Return a configuration without a fault that trades real money."""
    base = exchange(
        venue="binance",
        rest_url="https://api.example.com",
        stream_url="wss://stream.example.com:9443",
        api_key="env:KEY",
        api_secret="file:/run/secrets/meva",
    )
    channels = evolve(base.observability, alert_channels=("env:ALERT_URL",))
    return evolve(base, **{"mode": Mode.LIVE, "observability": channels, **sections})
