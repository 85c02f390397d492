"""Name what Kraken answers when it refuses: the texts of its error list, nearly always with HTTP 200."""

from __future__ import annotations

from typing import Final

from attrs import frozen

from meva_core.errors import MevaError
from meva_core.execution.order_filters import RejectCode

UNKNOWN_ORDER: Final = "EOrder:Unknown order"
UNKNOWN_PAIR: Final = "EQuery:Unknown asset pair"
DENIED: Final = "EGeneral:Permission denied"
TIMEOUT: Final = "EService:Timeout"
CANCEL_ONLY: Final = "EService:Market in cancel_only mode"


@frozen
class KrakenError(MevaError):
    """Carry one refusal to the client."""

    error: str
    status: int = 200

    def __str__(self) -> str:
        return self.error


def invalid(name: str) -> KrakenError:
    """Return the refusal of a parameter that is missing or wrong."""
    return KrakenError(f"EGeneral:Invalid arguments:{name}")


_BY_REJECT_CODE: Final = {
    RejectCode.UNKNOWN_SYMBOL: UNKNOWN_PAIR,
    RejectCode.BAD_COMBINATION: "EGeneral:Invalid arguments",
    RejectCode.PRICE_FILTER: "EOrder:Tick size check failed",
    RejectCode.LOT_SIZE: "EOrder:Order minimum not met",
    RejectCode.NOTIONAL: "EOrder:Cost minimum not met",
    RejectCode.NO_PRICE: CANCEL_ONLY,
    RejectCode.NO_BOOK: CANCEL_ONLY,
    RejectCode.WOULD_TAKE: "EOrder:Post only order",
    RejectCode.DUPLICATE_ORDER: "EOrder:Duplicate cl_ord_id",
    RejectCode.INSUFFICIENT_BALANCE: "EOrder:Insufficient funds",
}
assert set(_BY_REJECT_CODE) == set(RejectCode), "every refusal of the engine has an answer"


def of_refusal(code: RejectCode) -> KrakenError:
    """Return what the venue says where its engine refused."""
    return KrakenError(_BY_REJECT_CODE[code])
