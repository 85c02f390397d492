"""List the venues that an agent can trade at, by the name that `exchange.venue` gives them; reach none."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

from meva_runners.venues.binance import BinanceVenue
from meva_runners.venues.kraken import KrakenVenue
from meva_runners.venues.venue import Venue

VENUES: Final[Mapping[str, Venue]] = {"binance": BinanceVenue(), "kraken": KrakenVenue()}


def name_at(rest_url: str) -> str:
    """Return the name of the venue whose own address *rest_url* is, empty where none of them says so."""
    host = urlsplit(rest_url).hostname or ""
    return next((name for name, venue in VENUES.items() if host in venue.streams), "")
