"""Make a ccxt client that can be trusted with money: no floats, no repetitions; connect to nothing yet."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from meva_core.errors import ConfigError, install


def ccxt_client(
    name: str, *, api_key: str = "", secret: str = "", settings: Mapping[str, Any] | None = None
) -> Any:
    """Return ccxt's asynchronous client of the exchange that it calls *name*.

    *settings* are ccxt's own, such as `options`, `password` or `urls`. Raise `ConfigError` where the extra is not
    installed or ccxt knows no such exchange.
    """
    try:
        import ccxt.async_support as ccxt
    except ImportError as exc:
        raise ConfigError((f"exchange.ccxt: ccxt is not installed: {install('ccxt')}.",)) from exc
    if name not in ccxt.exchanges:
        raise ConfigError((f"exchange.ccxt: ccxt knows no exchange {name!r}. See ccxt.exchanges.",))
    given = dict(settings or {})
    client = getattr(ccxt, name)({"apiKey": api_key, "secret": secret, "enableRateLimit": True} | given)
    # Amounts stay the texts that the exchange wrote: ccxt then calculates with texts, and nothing passes a float.
    client.number = str
    client.on_json_response = _exactly
    client.options["maxRetriesOnFailure"] = 0
    return client


def _exactly(text: str) -> Any:
    return json.loads(text, parse_float=str)
