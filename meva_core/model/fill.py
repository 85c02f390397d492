"""Describe one execution as the venue reported it."""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum

from meva_core.model.market import Side
from meva_core.model.value import value


class Liquidity(StrEnum):
    """Tell whether our side rested or crossed."""

    MAKER = "maker"
    TAKER = "taker"


@value
class Fill:
    """Hold one execution; (symbol, trade_id) is unique at a venue and is the booking key.

    *fee* is positive when it costs, in *fee_asset*, which may be base, quote or a third asset.
    """

    symbol: str
    trade_id: str
    client_order_id: str
    venue_order_id: str
    side: Side
    price: Decimal
    quantity: Decimal
    fee: Decimal
    fee_asset: str
    liquidity: Liquidity
    venue_time_ns: int
