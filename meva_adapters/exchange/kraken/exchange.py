"""Be Kraken spot behind the exchange port: every command is sent once, and every outcome becomes an event."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final

from meva_adapters.exchange.kraken.calls import VENUE, KrakenCalls
from meva_adapters.exchange.kraken.capabilities import kraken_capabilities
from meva_adapters.exchange.kraken.codec import (
    KrakenPair,
    is_client_id,
    order_parameters,
    read_balances,
    read_canceled,
    read_orders,
    read_placed,
)
from meva_adapters.exchange.kraken.errors import UNKNOWN_ORDER, is_duplicate
from meva_adapters.exchange.kraken.order_costs import OrderCosts
from meva_adapters.exchange.kraken.trades import OwnTrades
from meva_adapters.transport.asked_again import asked_again
from meva_adapters.transport.http import NotSentError
from meva_adapters.wire.fields import CodecError, row_of
from meva_core.commands import CancelAllOrders, CancelOrder, ObserveVenue, PlaceOrder, QueryOrder
from meva_core.errors import VenueRefusedError, VenueUnknownError
from meva_core.events import (
    CancelRefused,
    Event,
    ObservedOrder,
    OrderAcknowledged,
    OrderCanceled,
    OrderDropped,
    OrderOutcomeUnknown,
    OrderQueryAnswered,
    OrderRejected,
    RequestFailed,
    VenueStateObserved,
)
from meva_core.model.market import NS_PER_MS
from meva_core.model.order import OrderStatus
from meva_core.ports.exchange import VenueCapabilities, kinds_of

_STATUSES: Final = frozenset(status.value for status in OrderStatus)
# What is asked in several calls is begun only when all of them fit into the budget: a question that breaks off uses up
# what the next try needs, and at the venue's limit no try would come to its end.
_FIND_WEIGHT: Final = 4
_OBSERVE_WEIGHT: Final = 4
_FAILURES: Final = (NotSentError, VenueRefusedError, VenueUnknownError, CodecError)


class KrakenExchange:
    """Trade one account. *owns* tells our client order ids from other people's, which are left alone.

    Of the balances, those of *assets* are told; `None` tells all. Fills come by the account's stream and by questions:
    the venue's answer to a new order names none.
    """

    def __init__(
        self,
        calls: KrakenCalls,
        *,
        pairs: Sequence[KrakenPair],
        owns: Callable[[str], bool],
        trades: OwnTrades | None = None,
        costs: OrderCosts | None = None,
        assets: frozenset[str] | None = None,
    ) -> None:
        self.trades = trades or OwnTrades(calls, pairs)
        self.costs = costs or OrderCosts()
        self._calls = calls
        self._symbols = tuple(pair.instrument.symbol for pair in pairs)
        self._ours = {name: pair.instrument.symbol for pair in pairs for name in (pair.altname, pair.key)}
        self._owns = owns
        self._assets = assets

    @property
    def capabilities(self) -> VenueCapabilities:
        """Return the facts about this venue."""
        return kraken_capabilities(self._calls.deadline_ms)

    async def place(self, command: PlaceOrder) -> Sequence[Event]:
        """Send the order, once, with a deadline after the time of its decision."""
        request, calls = command.request, self._calls
        self.capabilities.require(*kinds_of(request))
        name = request.client_order_id
        if not is_client_id(name):
            return [
                OrderDropped(
                    self._now(), name, "Kraken takes names of 18 letters, digits and dashes, or a UUID"
                )
            ]
        held_back = self.costs.place(request.symbol, name, calls.clock.monotonic_ns())
        if held_back:
            return [OrderDropped(self._now(), name, f"held back, {held_back}")]
        deadline_ns = command.stamp_ns + calls.deadline_ms * NS_PER_MS
        try:
            result = await calls.private(
                "AddOrder", order_parameters(request, deadline_ns=deadline_ns), weight=0
            )
            venue_order_id = read_placed(result, name)
        except NotSentError as exc:
            return [OrderDropped(self._now(), name, exc.problem)]
        except VenueRefusedError as exc:
            if is_duplicate(exc.code):
                return [OrderOutcomeUnknown(self._now(), name, str(exc))]
            return [OrderRejected(self._now(), name, exc.code, exc.message)]
        except VenueUnknownError as exc:
            return [OrderOutcomeUnknown(self._now(), name, exc.problem)]
        except CodecError as exc:
            calls.note_anomaly("malformed_answer", f"order {name}: {exc.problem}")
            return [OrderOutcomeUnknown(self._now(), name, str(exc))]
        self.trades.learn(venue_order_id, name)
        return [OrderAcknowledged(self._now(), name, venue_order_id)]

    async def cancel(self, command: CancelOrder) -> Sequence[Event]:
        """Cancel one order; a lost answer is a failure that says nothing."""
        name = command.client_order_id
        try:
            return [await self._cancel(command.symbol, name, command.reason)]
        except _FAILURES as exc:
            return self._failed("cancel", name, exc)

    async def cancel_all(self, command: CancelAllOrders) -> Sequence[Event]:
        """Cancel each order of ours: the venue's own cancel-all takes other people's orders too.

        Each by itself, and none waits for another's answer: one that is lost keeps no other order open. The list of
        orders is asked for again where its answer is lost.
        """
        try:
            orders = await asked_again(partial(self._open_orders, urgent=True))
        except _FAILURES as exc:
            return self._failed("cancel_all", command.symbol or "", exc)
        ours = (
            order
            for order in orders
            if self._owns(order.client_order_id) and command.symbol in (None, order.symbol)
        )
        return await asyncio.gather(*(self._cancel_one_of_all(order, command.reason) for order in ours))

    async def query(self, command: QueryOrder) -> Sequence[Event]:
        """Ask for one order and then for our trades, so that no fill of the order is missing among them."""
        name, asked_ns, venue_ns = command.client_order_id, self._now(), self._calls.reached_ns()
        try:
            await self._calls.room(_FIND_WEIGHT, longest_s=0)
            order = await self._find(name)  # The answer is not older than the question.
            await self.trades.refresh()
        except _FAILURES as exc:
            return self._failed("query", name, exc)
        fills = self.trades.after(command.symbol, command.trades_after)
        return [OrderQueryAnswered(self._now(), venue_ns, asked_ns, name, order, fills)]

    async def observe(self, command: ObserveVenue) -> Sequence[Event]:
        """Ask for open orders, then trades, then balances."""
        after = dict(command.trades_after)
        try:
            await self._calls.room(_OBSERVE_WEIGHT, longest_s=0)
            asked_ns, venue_ns = self._now(), self._calls.reached_ns()
            orders = [order for order in await self._open_orders() if order.symbol in self._symbols]
            await self.trades.refresh()
            balances = tuple(
                row
                for row in read_balances(await self._calls.private("BalanceEx", []))
                if self._assets is None or row[0] in self._assets
            )
        except _FAILURES as exc:
            return self._failed("observe", "", exc)
        fills = [
            fill for symbol in self._symbols for fill in self.trades.after(symbol, after.get(symbol, ""))
        ]
        return [
            VenueStateObserved(self._now(), venue_ns, tuple(orders), tuple(fills), balances, asked_ns),
        ]

    async def arm_dead_man_switch(self, timeout_s: int) -> None:
        """Have the venue cancel every order of the account unless this is called again within *timeout_s*.

        0 disarms. It takes other people's orders too. Raises `VenueRefusedError` or `VenueUnknownError`.
        """
        parameters = [("timeout", str(timeout_s))]
        try:
            row_of(await self._calls.private("CancelAllOrdersAfter", parameters, weight=1, urgent=True))
        except (NotSentError, CodecError) as exc:
            raise VenueUnknownError(VENUE, "CancelAllOrdersAfter", str(exc)) from exc

    def _now(self) -> int:
        return self._calls.clock.now_ns()

    async def _cancel_one_of_all(self, order: ObservedOrder, reason: str) -> Event:
        try:
            return await self._cancel(order.symbol, order.client_order_id, reason)
        except _FAILURES as exc:
            [failed] = self._failed("cancel_all", order.symbol, exc)
            return failed

    async def _cancel(self, symbol: str, name: str, reason: str) -> Event:
        """Return what the venue says; raise where it says nothing."""
        self.costs.cancel(symbol, name, self._calls.clock.monotonic_ns())
        parameter = ("cl_ord_id", name) if is_client_id(name) else ("txid", name)
        try:
            count = read_canceled(
                await self._calls.private("CancelOrder", [parameter], weight=0, urgent=True)
            )
        except VenueRefusedError as exc:
            if exc.code in UNKNOWN_ORDER:
                return CancelRefused(self._now(), name, exc.code)
            raise
        if count == 1:
            return OrderCanceled(self._now(), name, reason)
        return CancelRefused(self._now(), name, f"{count} orders were cancelled")

    async def _find(self, name: str) -> ObservedOrder | None:
        """Look among open orders first: an order that ends meanwhile is then found among the closed ones."""
        venue_order_id = self.trades.venue_order_id(name)
        if venue_order_id:
            try:
                return self._named(await self._calls.private("QueryOrders", [("txid", venue_order_id)]), name)
            except VenueRefusedError as exc:
                if exc.code in UNKNOWN_ORDER:
                    return None
                raise
        for call, field in (("OpenOrders", "open"), ("ClosedOrders", "closed")):
            answer = row_of(await self._calls.private(call, [("cl_ord_id", name)]))
            order = self._named(answer.get(field), name)
            if order is not None:
                return order
        return None

    def _named(self, orders: object, name: str) -> ObservedOrder | None:
        """Return the newest of *orders* that has this name: the name of an order that ended may be used again."""
        found = [
            (opened_ns, order) for order, opened_ns in self._read(orders) if order.client_order_id == name
        ]
        return max(found, key=lambda each: each[0])[1] if found else None

    async def _open_orders(self, *, urgent: bool = False) -> list[ObservedOrder]:
        answer = row_of(await self._calls.private("OpenOrders", [], urgent=urgent))
        return [order for order, _ in self._read(answer.get("open"))]

    def _read(self, orders: object) -> list[tuple[ObservedOrder, int]]:
        read = read_orders(orders, self._ours)
        for order, _ in read:
            self.trades.learn(order.venue_order_id, order.client_order_id)
            if order.status not in _STATUSES:
                told = f"order {order.client_order_id} is {order.status[:40]!r}"
                self._calls.note_anomaly("unknown_status", told)
        return read

    def _failed(self, request: str, subject: str, exc: Exception) -> list[Event]:
        if isinstance(exc, CodecError):
            self._calls.note_anomaly("malformed_answer", f"{request} {subject}: {exc.problem}")
        return [RequestFailed(self._now(), request, subject, str(exc))]
