"""Name what is wrong with a piece of market data, or how old it is; drop, repair and log nothing.

Every answer is a value: bad data is expected, the caller skips and counts it. Freshness is always measured by
the agent's own receive times, so a venue whose clock runs ahead cannot make old data look new.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any, Final

# A misplaced decimal point moves a price by 90 % or more; half is far from that and from an honest move.
JUMP_BPS_MAX: Final = 5_000

_BPS: Final = 10_000


class DataProblem(StrEnum):
    """Name every reason for which market data is not used."""

    TIME_FELL = "time_fell"
    PRICE_NOT_POSITIVE = "price_not_positive"
    QUANTITY_NOT_POSITIVE = "quantity_not_positive"
    DUPLICATE_TRADE_ID = "duplicate_trade_id"
    TRADE_ID_FELL = "trade_id_fell"
    PRICE_JUMP = "price_jump"
    CROSSED_QUOTE = "crossed_quote"
    UPDATE_ID_FELL = "update_id_fell"
    UPDATE_ID_GAP = "update_id_gap"
    MALFORMED_BAR = "malformed_bar"
    SECOND_SOURCE = "second_source"  # Bars of a market that lives on trades, or the reverse.
    STALE = "stale"


class TradeQuality:
    """Judge the trades of one symbol one after the other; only good ones are remembered.

    A price further than *jump_bps_max* from the last good one is refused, unless the trade just before was
    refused for the same reason and lies within the bound of it: two in a row are a new level.
    """

    __slots__ = ("_suspect", "jump_bps_max", "last_ns", "last_price", "last_trade_id")

    def __init__(self, *, jump_bps_max: int = JUMP_BPS_MAX) -> None:
        self.jump_bps_max = jump_bps_max
        self.last_ns = self.last_price = self._suspect = 0
        self.last_trade_id = -1

    def problem(self, time_ns: int, price: int, quantity: int, trade_id: int) -> DataProblem | None:
        """Return what is wrong with a trade, or `None` and remember it; *trade_id* -1 stands for none."""
        if time_ns < self.last_ns:
            return DataProblem.TIME_FELL
        if price <= 0:
            return DataProblem.PRICE_NOT_POSITIVE
        if quantity <= 0:
            return DataProblem.QUANTITY_NOT_POSITIVE
        if trade_id >= 0:
            if trade_id <= self.last_trade_id:
                return id_problem(self.last_trade_id, trade_id)
            self.last_trade_id = trade_id
        last = self.last_price
        if abs(price - last) * _BPS > last * self.jump_bps_max and last and not self._confirmed(price):
            return DataProblem.PRICE_JUMP
        self.last_ns = time_ns
        self.last_price = price
        self._suspect = 0
        return None

    @property
    def is_suspicious(self) -> bool:
        """Return whether a refused jump waits for a second one to confirm it."""
        return bool(self._suspect)

    def _confirmed(self, price: int) -> bool:
        suspect, self._suspect = self._suspect, price
        return bool(suspect) and abs(price - suspect) * _BPS <= suspect * self.jump_bps_max

    def snapshot(self) -> list[Any]:
        """Return the whole memory as JSON-like values."""
        return [self.last_ns, self.last_price, self.last_trade_id, self._suspect]

    def restore(self, memory: list[Any]) -> None:
        """Take over what `snapshot` returned."""
        self.last_ns, self.last_price, self.last_trade_id, self._suspect = memory


def id_problem(last_id: int, trade_id: int) -> DataProblem | None:
    """Return what is wrong with a trade id that follows *last_id*."""
    if trade_id == last_id:
        return DataProblem.DUPLICATE_TRADE_ID
    return DataProblem.TRADE_ID_FELL if trade_id < last_id else None


def quote_problem(bid_ticks: int, bid_lots: int, ask_ticks: int, ask_lots: int) -> DataProblem | None:
    """Return what is wrong with a best bid and ask."""
    if bid_ticks <= 0 or ask_ticks <= 0:
        return DataProblem.PRICE_NOT_POSITIVE
    if bid_lots <= 0 or ask_lots <= 0:
        return DataProblem.QUANTITY_NOT_POSITIVE
    return DataProblem.CROSSED_QUOTE if bid_ticks >= ask_ticks else None


def update_id_problem(last_id: int, *, first_id: int, final_id: int) -> DataProblem | None:
    """Return why a change numbered *first_id* to *final_id* does not continue a book at *last_id*.

    It continues if and only if `first_id <= last_id + 1 <= final_id` (RELIABILITY I22).
    """
    if final_id <= last_id:
        return DataProblem.UPDATE_ID_FELL
    return DataProblem.UPDATE_ID_GAP if first_id > last_id + 1 else None


def age_ns(last_ns: int, *, now_ns: int) -> int:
    """Return how old data received at *last_ns* is; never negative."""
    return max(0, now_ns - last_ns)


def staleness_problem(last_ns: int, *, now_ns: int, age_ns_max: int) -> DataProblem | None:
    """Return `STALE` when a symbol was last heard of more than *age_ns_max* ago, or never (*last_ns* 0)."""
    return DataProblem.STALE if not last_ns or now_ns - last_ns > age_ns_max else None
