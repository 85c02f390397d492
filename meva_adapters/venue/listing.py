"""Write what the venue says of itself: limits, symbols, filters; apply none of them."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Final

from meva_adapters.venue.exchange import Exchange
from meva_adapters.venue.market import Market
from meva_adapters.venue.order_form import ORDER_TYPES, PERCENT_PRICE
from meva_adapters.venue.rows import Json, money
from meva_adapters.venue.weights import DAY_LIMIT, RAW_LIMIT

_MEAN_MINUTES: Final = 5


def rate_limits(exchange: Exchange) -> list[Json]:
    """Return the limits in force."""
    return [
        _limit("REQUEST_WEIGHT", "MINUTE", 1, exchange.settings.weight_limit),
        _limit("ORDERS", "SECOND", 10, exchange.settings.order_limit_10s),
        _limit("ORDERS", "DAY", 1, DAY_LIMIT),
        _limit("RAW_REQUESTS", "MINUTE", 5, RAW_LIMIT),
    ]


def exchange_info(exchange: Exchange, markets: Sequence[Market]) -> Json:
    """Return the answer of `exchangeInfo` for *markets*."""
    return {
        "timezone": "UTC",
        "serverTime": exchange.now_ms(),
        "rateLimits": rate_limits(exchange),
        "exchangeFilters": [],
        "symbols": [_symbol(market) for market in markets],
    }


def _limit(kind: str, interval: str, number: int, limit: int) -> Json:
    return {"rateLimitType": kind, "interval": interval, "intervalNum": number, "limit": limit}


def _symbol(market: Market) -> Json:
    instrument = market.instrument
    return {
        "symbol": market.name,
        "status": market.status,
        "baseAsset": instrument.base,
        "baseAssetPrecision": 8,
        "quoteAsset": instrument.quote,
        "quotePrecision": 8,
        "quoteAssetPrecision": 8,
        "baseCommissionPrecision": 8,
        "quoteCommissionPrecision": 8,
        "orderTypes": list(ORDER_TYPES),
        "icebergAllowed": False,
        "ocoAllowed": False,
        "otoAllowed": False,
        "opoAllowed": False,
        "quoteOrderQtyMarketAllowed": True,
        "allowTrailingStop": False,
        "cancelReplaceAllowed": True,
        "amendAllowed": False,
        "pegInstructionsAllowed": False,
        "isSpotTradingAllowed": True,
        "isMarginTradingAllowed": False,
        "filters": _filters(market),
        "permissions": [],
        "permissionSets": [["SPOT"]],
        "defaultSelfTradePreventionMode": "NONE",
        "allowedSelfTradePreventionModes": ["NONE"],
    }


def _filters(market: Market) -> list[Json]:
    rules = market.rules
    up, down = str(PERCENT_PRICE["up"]), str(PERCENT_PRICE["down"])
    return [
        {
            "filterType": "PRICE_FILTER",
            "minPrice": money(rules.tick_size),
            "maxPrice": money(rules.max_price),
            "tickSize": money(rules.tick_size),
        },
        _lots("LOT_SIZE", rules.min_quantity, rules.max_quantity, rules.step_size),
        _lots("MARKET_LOT_SIZE", Decimal(0), rules.max_quantity, Decimal(0)),
        {
            "filterType": "PERCENT_PRICE_BY_SIDE",
            "bidMultiplierUp": up,
            "bidMultiplierDown": down,
            "askMultiplierUp": up,
            "askMultiplierDown": down,
            "avgPriceMins": _MEAN_MINUTES,
        },
        {
            "filterType": "NOTIONAL",
            "minNotional": money(rules.min_notional),
            "applyMinToMarket": True,
            "maxNotional": money(rules.max_notional),
            "applyMaxToMarket": True,
            "avgPriceMins": _MEAN_MINUTES,
        },
        {"filterType": "MAX_NUM_ORDERS", "maxNumOrders": rules.max_orders},
    ]


def _lots(name: str, lowest: Decimal, highest: Decimal, step: Decimal) -> Json:
    return {
        "filterType": name,
        "minQty": money(lowest),
        "maxQty": money(highest),
        "stepSize": money(step),
    }
