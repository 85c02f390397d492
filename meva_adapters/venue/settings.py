"""Hold what a simulated venue is started with: markets, accounts, fees, where it listens; start nothing."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Final

from attrs import field, frozen

from meva_core.execution.venue_fees import FeeSchedule
from meva_core.model.instrument import Instrument

DEFAULT_KEY: Final = "meva-key"
DEFAULT_SECRET: Final = "meva-secret"  # noqa: S105 - play money: it opens nothing but the local simulation.
_BPS_OF_BINANCE: Final = Decimal(10)  # Regular users of Binance spot pay 0.1 %, maker and taker.
DEFAULT_FEES: Final = FeeSchedule(_BPS_OF_BINANCE, _BPS_OF_BINANCE)


@frozen
class ListedMarket:
    """List one market: its grid and limits, and the price around which the generator quotes it.

    What the generator makes up is numbered from *first_id* on.
    """

    instrument: Instrument
    start_price: Decimal
    max_price: Decimal = Decimal(1_000_000)
    first_id: int = 1_000


@frozen
class AccountSettings:
    """Open one account. *public_key_pem* makes it sign with Ed25519 in place of HMAC with *secret*.

    The rights are its key's; nothing can be withdrawn from a simulation, but an adapter must notice the right.
    """

    key: str
    secret: str = field(repr=False)
    balances: Mapping[str, Decimal]
    public_key_pem: str = ""
    can_trade: bool = True
    can_withdraw: bool = False


def _listed(base: str, price: str, tick: str, lot: str) -> ListedMarket:
    instrument = Instrument(
        symbol=f"{base}/USDT",
        base=base,
        quote="USDT",
        tick_size=Decimal(tick),
        lot_size=Decimal(lot),
        min_quantity=Decimal(lot),
        max_quantity=Decimal(9000),
        min_notional=Decimal(5),
        max_notional=Decimal(9_000_000),
    )
    return ListedMarket(instrument, Decimal(price))


DEFAULT_MARKETS: Final = (
    _listed("BTC", "60000", "0.01", "0.00001"),
    _listed("ETH", "2500", "0.01", "0.0001"),
    _listed("BNB", "500", "0.01", "0.001"),
)
DEFAULT_BALANCES: Final[Mapping[str, Decimal]] = {
    "USDT": Decimal(1_000_000),
    "BTC": Decimal(10),
    "ETH": Decimal(100),
    "BNB": Decimal(100),
}


@frozen(kw_only=True)
class VenueSettings:
    """Describe the whole venue. Port 0 lets the system choose; *trades_per_second* is per market.

    *seed* decides the generated market. *weight_limit* is per minute and address, *order_limit_10s* per account.
    """

    host: str = "127.0.0.1"
    port: int = 0
    markets: tuple[ListedMarket, ...] = DEFAULT_MARKETS
    accounts: tuple[AccountSettings, ...] = (AccountSettings(DEFAULT_KEY, DEFAULT_SECRET, DEFAULT_BALANCES),)
    fees: FeeSchedule = DEFAULT_FEES
    seed: int = 1
    trades_per_second: float = 4.0
    weight_limit: int = 6000
    order_limit_10s: int = 100
