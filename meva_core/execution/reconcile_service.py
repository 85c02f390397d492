"""Compare the books with what a venue reports; change nothing, and never invent a fill.

It is a pure function of the books and the report: the same report, taken again, finds nothing new (invariant I21).
Who acts on a difference is the agent's venue watch.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal

from attrs import frozen

from meva_core.events import ObservedOrder, VenueStateObserved
from meva_core.execution.idempotency import ClientOrderIds
from meva_core.execution.order_service import OrderService
from meva_core.model.fill import Fill
from meva_core.model.instrument import Instrument
from meva_core.model.market import Side
from meva_core.model.money import EXACT, ZERO
from meva_core.model.state import CanonicalState


@frozen
class ReconcileReport:
    """Hold what one comparison found.

    *fills* are ours and not booked yet; *open* are known orders that the venue holds open; *missing* are open in the
    books but not there, which says that they ended, not how. *strangers* are orders and fills that carry our name
    but are not known here. *foreign* counts what other hands did in the account. *differences* are balances that
    disagree once *fills* are booked, one sentence each with both numbers.
    """

    fills: tuple[Fill, ...]
    open: tuple[ObservedOrder, ...]
    missing: tuple[str, ...]
    strangers: tuple[str, ...]
    foreign: int
    differences: tuple[str, ...]

    @property
    def is_clean(self) -> bool:
        """Return whether books and venue agree on everything."""
        return not (self.fills or self.missing or self.strangers or self.differences)


class ReconcileService:
    """Compare reports with the books of one agent on one account."""

    def __init__(
        self, orders: OrderService, ids: ClientOrderIds, instruments: Mapping[str, Instrument]
    ) -> None:
        self._orders = orders
        self._ids = ids
        self._instruments = instruments

    def reconcile(self, state: CanonicalState, report: VenueStateObserved) -> ReconcileReport:
        """Return every difference between *state* and *report*."""
        fills, unknown_fills, foreign = self._sort_fills(report.fills)
        ours = [order for order in report.open_orders if self._ids.owns(order.client_order_id)]
        there = {order.client_order_id for order in ours}
        return ReconcileReport(
            fills=fills,
            open=tuple(order for order in ours if order.client_order_id in state.open_orders),
            missing=tuple(name for name in state.open_orders if name not in there),
            strangers=(*self._strangers(ours), *unknown_fills),
            foreign=foreign + len(report.open_orders) - len(ours),
            differences=tuple(self._differences(state, report, fills)),
        )

    def _sort_fills(self, fills: Iterable[Fill]) -> tuple[tuple[Fill, ...], list[str], int]:
        """Return fills to book, sentences on those of our name that nobody knows, and how many are foreign."""
        unbooked: dict[tuple[str, str], Fill] = {}
        unknown: list[str] = []
        foreign = 0
        for fill in fills:
            if not self._ids.owns(fill.client_order_id):
                foreign += 1
            elif self._orders.find(fill.client_order_id) is None:
                unknown.append(f"trade {fill.trade_id} of order {fill.client_order_id}")
            elif not self._orders.is_booked(fill):
                unbooked[(fill.symbol, fill.trade_id)] = fill
        return tuple(unbooked.values()), unknown, foreign

    def _strangers(self, ours: Iterable[ObservedOrder]) -> list[str]:
        """Return the venue's open orders of our name which are not known here."""
        return [
            f"open order {order.client_order_id}"
            for order in ours
            if self._orders.find(order.client_order_id) is None
        ]

    def _differences(
        self, state: CanonicalState, report: VenueStateObserved, fills: Iterable[Fill]
    ) -> Iterable[str]:
        expected = {asset: balance.total for asset, balance in state.balances.items()}
        for fill in fills:
            for asset, amount in self._legs(fill):
                expected[asset] = EXACT.add(expected.get(asset, ZERO), amount)
        reported = {asset: EXACT.add(free, locked) for asset, free, locked in report.balances}
        for asset in sorted(expected.keys() | reported.keys()):
            held, known = reported.get(asset, ZERO), expected.get(asset, ZERO)
            if held != known:
                yield f"the venue holds {held:f} {asset}, the books say {known:f}"

    def _legs(self, fill: Fill) -> Iterable[tuple[str, Decimal]]:
        """Return what a fill moves, by asset, signed."""
        instrument = self._instruments[fill.symbol]
        notional = EXACT.multiply(fill.price, fill.quantity)
        bought = fill.side is Side.BUY
        yield instrument.base, fill.quantity if bought else EXACT.minus(fill.quantity)
        yield instrument.quote, EXACT.minus(notional) if bought else notional
        yield fill.fee_asset, EXACT.minus(fill.fee)
