"""Perform the agent's commands on the simulated venue; decide nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import assert_never

from meva_core.commands import (
    Approved,
    CancelAllOrders,
    CancelOrder,
    Command,
    ObserveVenue,
    PlaceOrder,
    QueryOrder,
    RaiseAlert,
    RenewBook,
    SetTimer,
    TransferFunds,
)
from meva_core.events import Event, OrderDropped, VenueStateObserved
from meva_core.execution.matching import MatchingEngine


class SimulatedPerformer:
    """Turn commands into calls of *venue*, and its answers into events; *permits* is the gate's last word."""

    def __init__(self, venue: MatchingEngine, permits: Callable[[Approved, int], bool]) -> None:
        self.venue = venue
        self._permits = permits

    def perform(self, command: Command, time_ns: int) -> list[Event]:
        """Return what the venue answers at once; what it answers later comes with the market's events."""
        if isinstance(command, PlaceOrder):  # Nearly all are, and `match` takes its time.
            request = command.request
            if self._permits(command.approved, time_ns):
                return self.venue.submit(request, time_ns)
            return [OrderDropped(time_ns, request.client_order_id, "the gate moved after the decision")]
        match command:
            case CancelOrder(symbol, client_order_id):
                return self.venue.cancel(symbol, client_order_id, time_ns)
            case CancelAllOrders(symbol):
                return self.venue.cancel_all(symbol, time_ns)
            case QueryOrder() | ObserveVenue():
                return [self._observed(time_ns)]
            case RaiseAlert() | RenewBook() | SetTimer() | TransferFunds():
                return []  # A recording has no person to call, no other book, no wall clock, and no money to move.
            case _:
                assert_never(command)

    def _observed(self, time_ns: int) -> VenueStateObserved:
        balances = self.venue.balances()
        return VenueStateObserved(
            time_ns,
            time_ns,
            self.venue.open_orders(),
            (),
            tuple((asset, free, locked) for asset, (free, locked) in balances.items()),
        )
