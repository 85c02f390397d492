"""Hold what a simulated Kraken is started with unless told otherwise; start nothing."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from meva_adapters.venue.settings import DEFAULT_KEY, AccountSettings, ListedMarket, VenueSettings
from meva_core.execution.venue_fees import QUOTE, FeeSchedule
from meva_core.model.instrument import Instrument

# Kraken hands secrets out in base64.
KRAKEN_SECRET: Final = "bWV2YSBzaW11bGF0ZWQga3Jha2VuIHNlY3JldA=="  # noqa: S105 - play money, as its neighbour.
_FEES: Final = FeeSchedule(Decimal(25), Decimal(40), paid_in=QUOTE)  # Kraken's lowest volume.
_COUNTER_MAX: Final = 20  # The REST counter of the highest tier.


def _listed(base: str, price: str, tick: str, minimum: str) -> ListedMarket:
    instrument = Instrument(
        symbol=f"{base}/USD",
        base=base,
        quote="USD",
        tick_size=Decimal(tick),
        lot_size=Decimal("0.00000001"),
        min_quantity=Decimal(minimum),
        min_notional=Decimal("0.5"),
    )
    return ListedMarket(instrument, Decimal(price))


KRAKEN_MARKETS: Final = (
    _listed("BTC", "60000", "0.1", "0.00005"),
    _listed("ETH", "2500", "0.01", "0.002"),
    _listed("DOGE", "0.1", "0.0000001", "20"),
)
KRAKEN_BALANCES: Final = {
    "USD": Decimal(1_000_000),
    "BTC": Decimal(10),
    "ETH": Decimal(100),
    "DOGE": Decimal(100_000),
}
KRAKEN_SETTINGS: Final = VenueSettings(
    markets=KRAKEN_MARKETS,
    accounts=(AccountSettings(DEFAULT_KEY, KRAKEN_SECRET, KRAKEN_BALANCES),),
    fees=_FEES,
    weight_limit=_COUNTER_MAX,
)
