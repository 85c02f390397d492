"""Let a simulated venue go on where an account's books stand, after the process that held it ended; match nothing.

Such a venue is gone with its process, so the books are the truth: what they do not hold never happened.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from attrs import frozen

from meva_core.errors import InvariantError
from meva_core.execution.matching import MatchingEngine
from meva_core.execution.order_filters import Refusal
from meva_core.execution.venue_memory import order_row
from meva_core.execution.venue_orders import VenueOrder
from meva_core.model.money import ZERO, exact
from meva_core.model.order import OrderRecord, OrderStatus, OrderType, TimeInForce


@frozen(kw_only=True)
class Standing:
    """Say where an account stands: *balances* by asset, open orders, and the newest numbers that the venue gave.

    Orders in *resting* go on; those in *expired* were under way when the venue ended. *last_trades* is by symbol.
    """

    balances: Mapping[str, Decimal]
    resting: tuple[OrderRecord, ...] = ()
    expired: tuple[OrderRecord, ...] = ()
    last_order_id: int = 0
    last_trades: Mapping[str, int]

    @classmethod
    def of(
        cls,
        orders: Iterable[OrderRecord],
        *,
        balances: Mapping[str, Decimal],
        last_order_id: int,
        last_trades: Mapping[str, int],
    ) -> Standing:
        """Return the standing of an account with *orders*, none of which has ended."""
        resting: list[OrderRecord] = []
        expired: list[OrderRecord] = []
        for record in orders:
            (resting if _rests(record) else expired).append(record)
        return cls(
            balances=dict(balances),
            resting=tuple(sorted(resting, key=lambda record: int(record.venue_order_id))),
            expired=tuple(expired),
            last_order_id=last_order_id,
            last_trades=dict(last_trades),
        )


def take_over(engine: MatchingEngine, standing: Standing) -> None:
    """Give a fresh *engine* the account of *standing*.

    Its resting orders join behind what others have at their price as soon as the book is known. Raise `InvariantError`
    where the books hold less than these orders lock, or an order that the market does not take.
    """
    memory: dict[str, Any] = engine.snapshot()
    with exact():
        orders = [_order(engine, record) for record in standing.resting]
        memory["account"] = _account(orders, standing.balances)
    memory["orders"] = [order_row(order) for order in orders]
    memory["last_order_id"] = standing.last_order_id + len(
        standing.expired
    )  # Some of them have no number yet.
    for symbol, number in standing.last_trades.items():
        memory["markets"][symbol]["clearing"]["last_trade_id"] = number
    engine.restore(memory)


def _rests(record: OrderRecord) -> bool:
    """Return whether the venue had taken *record* and would hold it still."""
    request = record.request
    known = bool(record.venue_order_id) and record.status is not OrderStatus.SUBMITTED
    return known and request.type is OrderType.LIMIT and request.time_in_force is TimeInForce.GTC


def _order(engine: MatchingEngine, record: OrderRecord) -> VenueOrder:
    market = engine.market(record.request.symbol)
    order = market.filters.on_grid(record.request)
    if isinstance(order, Refusal):
        raise InvariantError("an order that was open fits its market", f"{record.request}: {order.reason}")
    order.place(int(record.venue_order_id), record.created_ns)
    order.open_lots -= market.instrument.lots(record.filled_quantity)
    order.taking = not record.request.post_only  # It meets the book once more, unless it must never take.
    return order


def _account(orders: list[VenueOrder], balances: Mapping[str, Decimal]) -> list[list[object]]:
    """Return rows of asset, free and locked."""
    locked: dict[str, Decimal] = {}
    for order in orders:
        asset = order.lock_asset
        locked[asset] = locked.get(asset, ZERO) + order.locked(order.open_lots)
    rows: list[list[object]] = []
    for asset in sorted({*balances, *locked}):
        held = locked.get(asset, ZERO)
        free = balances.get(asset, ZERO) - held
        if free < ZERO:
            facts = f"{asset}: {balances.get(asset, ZERO)} held, {held} locked"
            raise InvariantError("open orders are covered by what is held", facts)
        rows.append([asset, free, held])
    return rows
