"""Tell what an agent in the shadow would have done, beside what the market and the account did; decide nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from loguru import logger

from meva_core.agent.outbox import Outcome
from meva_core.errors import VenueRefusedError, VenueUnknownError
from meva_core.events import Event, TradeReceived
from meva_core.model.instrument import Instrument
from meva_core.model.money import plain
from meva_core.ops.markouts import HORIZONS_S, Markouts, OrderMarkout
from meva_core.ports.exchange import AccountReader

_SHOWN = 20


class ShadowReport:
    """Watch an agent and read the real account; *opening* is what that held at the start, by asset."""

    def __init__(self, instruments: Mapping[str, Instrument], opening: Mapping[str, Decimal]) -> None:
        self._markouts = Markouts(instruments)
        self._opening = dict(opening)
        self._now = dict(opening)

    def observe(self, event: Event, outcome: Outcome) -> None:
        """Take note of one event and what followed from it."""
        if isinstance(event, TradeReceived):
            self._markouts.on_trade(event)
        for record in outcome.records:
            self._markouts.on_record(record)

    async def watch_account(self, account: AccountReader, every_s: float) -> None:
        """Read the account from time to time; a question without an answer is asked again later."""
        while True:
            await asyncio.sleep(every_s)
            try:
                self._now = await account.balances()
            except (VenueRefusedError, VenueUnknownError) as error:
                logger.bind(category="reconcile", problem=str(error)).warning("account.not_read")

    def account_changes(self) -> dict[str, str]:
        """Return by how much the real account changed by other hands, by asset."""
        assets = sorted(self._opening.keys() | self._now.keys())
        zero = Decimal(0)
        changes = {asset: self._now.get(asset, zero) - self._opening.get(asset, zero) for asset in assets}
        return {asset: plain(amount) for asset, amount in changes.items() if amount}

    def facts(self) -> dict[str, Any]:
        """Return everything for programs; moves are in basis points, positive in favour of the order."""
        markouts = self._markouts
        return {
            "would_have_sent": [_row(order) for order in markouts.orders],
            "mean_move_bps": {f"{seconds}s": markouts.mean_bps(seconds) for seconds in HORIZONS_S},
            "account_changes": self.account_changes(),
        }

    def lines(self) -> Iterator[str]:
        """Yield what a person reads, the newest orders alone."""
        markouts = self._markouts
        orders = list(markouts.orders)[-_SHOWN:]
        yield f"Would have sent {len(markouts.orders):,} orders; nothing left this machine."
        for order in orders:
            filled = f"filled {plain(order.filled_quantity)} at {order.mean_price:.8g}"
            moves = ", ".join(
                f"{order.after_bps[s]:+.1f} after {s} s" for s in HORIZONS_S if s in order.after_bps
            )
            yield (
                f"  {order.side.name.lower():<4} {plain(order.quantity)} {order.symbol} "
                f"decided at {plain(order.decision_price)}, "
                f"{filled if order.filled_quantity else 'not filled'}; then in bps: {moves or 'too young'}"
            )
        means = [(seconds, markouts.mean_bps(seconds)) for seconds in HORIZONS_S]
        told = ", ".join(f"{mean:+.2f} after {seconds} s" for seconds, mean in means if mean is not None)
        yield f"Mean move of the market in favour of its orders, bps: {told or 'no order is old enough'}"
        changes = self.account_changes()
        moved = ", ".join(f"{asset} {amount}" for asset, amount in changes.items())
        yield f"The account itself, by other hands: {moved or 'unchanged'}"


def _row(order: OrderMarkout) -> dict[str, Any]:
    return {
        "time_ns": order.time_ns,
        "client_order_id": order.client_order_id,
        "symbol": order.symbol,
        "side": order.side.name.lower(),
        "quantity": plain(order.quantity),
        "decision_price": plain(order.decision_price),
        "filled_quantity": plain(order.filled_quantity),
        "mean_price": order.mean_price,
        "market_after_bps": {f"{seconds}s": move for seconds, move in order.after_bps.items()},
    }
