"""Name what the venue answers when it refuses: codes and sentences of Binance's spot error list."""

from __future__ import annotations

from typing import Final

from attrs import frozen

from meva_core.errors import MevaError
from meva_core.execution.order_filters import Refusal, RejectCode

HTTP_BAD_REQUEST: Final = 400
HTTP_UNAUTHORISED: Final = 401
HTTP_CONFLICT: Final = 409
HTTP_TEAPOT: Final = 418  # Binance answers a banned address with it.
HTTP_TOO_MANY: Final = 429
HTTP_SERVER_ERROR: Final = 500

NEW_ORDER_REJECTED: Final = -2010
CANCEL_REJECTED: Final = -2011
TIMEOUT: Final = -1007
FILTER_FAILURE: Final = -1013

TIMEOUT_TEXT: Final = (
    "Timeout waiting for response from backend server. Send status unknown; execution status unknown."
)


@frozen
class ApiError(MevaError):
    """Carry one refusal to the client; *retry_after_s* becomes a header, *data* a part of the body."""

    code: int
    message: str
    status: int = HTTP_BAD_REQUEST
    retry_after_s: int = 0
    data: object = None

    def __str__(self) -> str:
        return f"{self.code} {self.message}"

    def body(self) -> dict[str, object]:
        """Return the body as the venue writes it."""
        body: dict[str, object] = {"code": self.code, "msg": self.message}
        return body if self.data is None else body | {"data": self.data}


def missing(name: str) -> ApiError:
    """Return the refusal of a call without a parameter that it needs."""
    return ApiError(-1102, f"Mandatory parameter '{name}' was not sent, was empty/null, or malformed.")


def unneeded(name: str) -> ApiError:
    """Return the refusal of a parameter that this kind of order does not take."""
    return ApiError(-1106, f"Parameter '{name}' sent when not required.")


def illegal(name: str) -> ApiError:
    """Return the refusal of a value that has the wrong form."""
    return ApiError(-1100, f"Illegal characters found in parameter '{name}'.")


def filter_failure(name: str) -> ApiError:
    """Return the refusal by a filter of the symbol."""
    return ApiError(FILTER_FAILURE, f"Filter failure: {name}")


def rejected(message: str) -> ApiError:
    """Return the refusal of a new order by the matching engine."""
    return ApiError(NEW_ORDER_REJECTED, message)


_BY_REJECT_CODE: Final = {
    RejectCode.UNKNOWN_SYMBOL: ApiError(-1121, "Invalid symbol."),
    RejectCode.BAD_COMBINATION: ApiError(-1128, "Combination of optional parameters invalid."),
    RejectCode.PRICE_FILTER: filter_failure("PRICE_FILTER"),
    RejectCode.LOT_SIZE: filter_failure("LOT_SIZE"),
    RejectCode.NOTIONAL: filter_failure("NOTIONAL"),
    RejectCode.NO_PRICE: ApiError(-1112, "No orders on book for symbol."),
    RejectCode.NO_BOOK: ApiError(-1112, "No orders on book for symbol."),
    RejectCode.WOULD_TAKE: rejected("Order would immediately match and take."),
    RejectCode.DUPLICATE_ORDER: rejected("Duplicate order sent."),
    RejectCode.INSUFFICIENT_BALANCE: rejected("Account has insufficient balance for requested action."),
}
assert set(_BY_REJECT_CODE) == set(RejectCode), "every refusal of the engine has an answer"


def of_refusal(refusal: Refusal | RejectCode) -> ApiError:
    """Return what the venue says where its engine refused."""
    code = refusal.code if isinstance(refusal, Refusal) else refusal
    return _BY_REJECT_CODE[code]
