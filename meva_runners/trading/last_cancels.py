"""Cancel every order of ours without the core, which may be what failed, until the venue shows none; decide nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import Final

from meva_core.commands import CancelAllOrders, CancelOrder
from meva_core.events import CancelRefused, Event, OrderCanceled, RequestFailed
from meva_core.model.order import OrderRequest
from meva_core.ports.exchange import ExchangeAdapter
from meva_runners.trading.exchange_performer import ExchangePerformer

# A cancel that takes longer than a venue's own patience (ten seconds at Binance) will not be answered any more.
_LAST_CANCEL_S: Final = 10.0
# A venue that answers at all has answered by then; the list of orders is then asked for without waiting longer.
_PATIENCE_S: Final = 2.0
# Each pause is twice the one before: lists that fail at once must not use up what the budget keeps for them.
_PAUSE_S: Final = 0.5
_PAUSE_MAX_S: Final = 2.0


async def cancel_in_need(
    exchange: ExchangeAdapter, performer: ExchangePerformer, orders: Iterable[OrderRequest], reason: str
) -> None:
    """Cancel *orders* by name and whatever else the venue lists, again and again until nothing is found or time is up.

    A list may lag behind and lack an order; an order on its way is in no list, and no cancel finds it: so the end is a
    round that began when *performer* waited for no order's answer. What was lost on its way is left to the next start.
    """
    cancels = {
        each.client_order_id: CancelOrder(each.symbol, each.client_order_id, reason) for each in orders
    }
    pause_s = _PAUSE_S
    with suppress(TimeoutError):  # What is left is named as unsettled.
        async with asyncio.timeout(_LAST_CANCEL_S):
            while True:
                arrived = not performer.placing
                told = await _cancel_by_name(exchange, cancels.values())
                events = await exchange.cancel_all(CancelAllOrders(None, reason))
                if arrived and told and not any(isinstance(e, RequestFailed | OrderCanceled) for e in events):
                    return
                await asyncio.sleep(pause_s)
                pause_s = min(2 * pause_s, _PAUSE_MAX_S)
                await performer.placed(within_s=_PATIENCE_S)


async def _cancel_by_name(exchange: ExchangeAdapter, cancels: Iterable[CancelOrder]) -> bool:
    """Return whether the venue has told of each of *cancels*; one that fails or takes long keeps no other waiting."""
    tasks = [asyncio.create_task(_told(exchange, cancel)) for cancel in cancels]
    if not tasks:
        return True
    try:
        await asyncio.wait(tasks, timeout=_PATIENCE_S)
    finally:
        for task in tasks:
            task.cancel()
        answers = await asyncio.gather(*tasks, return_exceptions=True)
    return all(answer is True for answer in answers)


async def _told(exchange: ExchangeAdapter, cancel: CancelOrder) -> bool:
    events: Sequence[Event] = await exchange.cancel(cancel)
    return any(isinstance(event, OrderCanceled | CancelRefused) for event in events)
