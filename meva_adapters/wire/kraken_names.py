"""Translate between unified symbols and assets and the names that Kraken gives them; ask nobody.

Kraken writes bitcoin as XBT and dogecoin as XDG over REST, and marks its oldest assets with a leading X or Z
(documentation of `Assets`). The list of those is closed: newer assets have one name. WebSocket v2 uses the
unified names.
"""

from __future__ import annotations

from typing import Final

from meva_core.model.instrument import split_symbol

_REST_NAMES: Final = {"BTC": "XBT", "DOGE": "XDG"}
_UNIFIED: Final = {rest: unified for unified, rest in _REST_NAMES.items()}
_OLD_COINS: Final = ("XBT", "XDG", "ETC", "ETH", "LTC", "MLN", "REP", "XLM", "XMR", "XRP", "ZEC")
_OLD_CURRENCIES: Final = ("AUD", "CAD", "EUR", "GBP", "JPY", "USD")
_MARKED: Final = {f"X{name}": name for name in _OLD_COINS} | {f"Z{name}": name for name in _OLD_CURRENCIES}


def rest_pair(symbol: str) -> str:
    """Return the short name of the pair *symbol* over REST: `BTC/USD` becomes `XBTUSD`."""
    return "".join(map(short_asset, split_symbol(symbol)))


def short_asset(asset: str) -> str:
    """Return the short name of *asset* over REST: `BTC` becomes `XBT`, most others stay."""
    return _REST_NAMES.get(asset, asset)


def rest_asset(asset: str) -> str:
    """Return the name under which REST answers speak of *asset*: `BTC` becomes `XXBT`, `SOL` stays."""
    short = short_asset(asset)
    return next((marked for marked, name in _MARKED.items() if name == short), short)


def unified_asset(name: str) -> str:
    """Return the unified name of an asset; one that earns (`ETH.F`) is another asset and keeps its suffix."""
    short, dot, suffix = name.partition(".")
    short = _MARKED.get(short, short)
    return f"{_UNIFIED.get(short, short)}{dot}{suffix}"
