"""Sort the errors in Kraken's answers: proof that nothing happened, or no proof; say what to do about the former.

Source: REST documentation, "Error messages". What is not listed proves nothing.
"""

from __future__ import annotations

import re
from typing import Final

PROVEN: Final = (
    "EAPI:",
    "EAuth:",
    "EOrder:",
    "EQuery:",
    "ETrade:",
    "EGeneral:Invalid arguments",
    "EGeneral:Permission denied",
    "EGeneral:Temporary lockout",
    "EGeneral:Unknown method",
    "EService:Deadline elapsed",  # The engine refuses an order that arrives after its deadline.
    "EService:Market in ",
    "EService:Throttled",
    "EService: Throttled",
)
RATE_LIMITED: Final = "EAPI:Rate limit exceeded"
INVALID_NONCE: Final = "EAPI:Invalid nonce"
LOCKED_OUT: Final = "EGeneral:Temporary lockout"
DENIED: Final = "EGeneral:Permission denied"
UNKNOWN_PAIR: Final = "EQuery:Unknown asset pair"
# What may mean that a market is closed, or that its rules have changed.
DOUBTFUL: Final = (
    "EService:Market in ",
    "EOrder:Order minimum not met",
    "EOrder:Cost minimum not met",
    "EOrder:Tick size check failed",
    UNKNOWN_PAIR,
)
UNKNOWN_ORDER: Final = frozenset({"EOrder:Unknown order", "EOrder:Invalid order", "EQuery:Unknown order"})
REMEDIES: Final = {
    "EAPI:Invalid key": "Check exchange.api_key; the key may have been deleted.",
    "EAPI:Invalid signature": "Check exchange.api_secret: it belongs to another key, or is not whole.",
    INVALID_NONCE: (
        "The nonce is too low: another program uses this key, or its file of nonces was lost. "
        "Give the agent an API key of its own."
    ),
    DENIED: "Give the key the permissions to query funds and orders and to create and cancel orders.",
    LOCKED_OUT: "Too many calls with a wrong key; check exchange.api_key and wait some minutes.",
    UNKNOWN_PAIR: "Check the symbols in exchange.instruments.",
}
_THROTTLED: Final = re.compile(r"EService: ?Throttled: ?(\d{10})", re.ASCII)


def is_proof(error: str) -> bool:
    """Return whether *error* proves that the call had no effect."""
    return error.startswith(PROVEN)


def is_duplicate(error: str) -> bool:
    """Return whether *error* says that an order of this name is open: no proof about this attempt.

    The documentation does not give the sentence, so any error of an order that speaks of the name counts.
    """
    text = error.lower()
    return text.startswith("eorder:") and (
        "duplicate" in text or "cl_ord_id" in text or "client order id" in text
    )


def throttled_until_s(error: str) -> int | None:
    """Return the Unix time before which no call may leave, where *error* names one."""
    match = _THROTTLED.match(error)
    return int(match[1]) if match else None
