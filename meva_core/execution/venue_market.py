"""Run one market of the simulated venue: let events match its open orders and report what came of it.

A driver may hold the market and call it directly. It may leave out `on_trade` and `on_bar` while *waiting* is
zero if it stores the price in *last_ticks* itself; quotes and books are always passed on.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import getcontext, setcontext
from typing import Any

from meva_core.events import BookChanged, Event, QuoteReceived
from meva_core.execution.clearing import Clearing
from meva_core.execution.fill_models import FillModel, Outcome
from meva_core.execution.order_filters import OrderFilters
from meva_core.execution.venue_orders import OpenOrders, VenueOrder
from meva_core.execution.visible_book import VisibleBook
from meva_core.model.instrument import Instrument
from meva_core.model.market import Candle, Side
from meva_core.model.money import EXACT


class VenueMarket:
    """Match one symbol. *waiting* counts its open orders and every message of ours that is under way.

    *last_ticks* is the last price, 0 while unknown. *due* releases what has arrived at the venue; its events
    come before those of the market event, which is matched after it.
    """

    __slots__ = (
        "_due",
        "_match_trade",
        "_model",
        "_needs_book",
        "_open",
        "_quote",
        "book",
        "clearing",
        "filters",
        "instrument",
        "last_ticks",
        "orders",
        "waiting",
    )

    def __init__(
        self,
        instrument: Instrument,
        model: FillModel,
        clearing: Clearing,
        *,
        open_orders: dict[str, VenueOrder],
        due: Callable[[int], list[Event]],
    ) -> None:
        self.instrument = instrument
        self.filters = OrderFilters(instrument)
        self.clearing = clearing
        self.orders = OpenOrders()
        self.book = VisibleBook()
        self.last_ticks = 0
        self.waiting = 0
        self._model = model
        self._match_trade = model.on_trade
        self._needs_book = model.needs_book
        self._open = open_orders
        self._due = due
        self._quote = (0, 0)

    def on_trade(self, time_ns: int, price_ticks: int, lots: int, taker_side: Side) -> list[Event]:
        """Take a trade; return everything of ours that it caused, after what had arrived before it."""
        events = self._due(time_ns)
        self.last_ticks = price_ticks
        outcomes = self._match_trade(
            self.orders, self.book, price_ticks=price_ticks, lots=lots, taker_side=taker_side
        )
        return self._settle(outcomes, events, time_ns, time_ns) if outcomes else events

    def on_bar(self, candle: Candle, time_ns: int) -> list[Event]:
        """Take a closed bar of a market fed by bars alone; fills carry the bar's open as venue time."""
        events = self._due(time_ns)
        self.last_ticks = candle.close
        outcomes = self._model.on_bar(self.orders, candle)
        return self._settle(outcomes, events, time_ns, candle.open_ns) if outcomes else events

    def on_quote(self, quote: QuoteReceived) -> list[Event]:
        """Take the best bid and ask."""
        events = self._due(quote.time_ns)
        self._quote = (quote.bid_ticks, quote.ask_ticks)
        self.book.apply_quote(quote)
        return self._match_book(events, quote.time_ns)

    def on_book(self, change: BookChanged) -> list[Event]:
        """Take a book snapshot or change."""
        events = self._due(change.time_ns)
        self.book.apply(change)
        return self._match_book(events, change.time_ns)

    def on_arrival(self, time_ns: int) -> list[Event]:
        """Let what just arrived meet the book as it stands, as a venue that answers with fills does.

        A replay never calls this: there an order is matched by the event after it, never by its own cause.
        """
        return self._match_book(self._due(time_ns), time_ns)

    def reference_ticks(self, *, is_buy: bool) -> int:
        """Return the best price that an order could take as far as is known, 0 for none.

        That is the book's where the fill model needs one, else the quote's, else the last trade's.
        """
        if self._needs_book:
            return self.book.against(is_buy=is_buy).best or self.last_ticks
        bid_ticks, ask_ticks = self._quote
        return (ask_ticks if is_buy else bid_ticks) or self.last_ticks

    @property
    def lacks_book(self) -> bool:
        """Return whether the fill model needs a book that is not known."""
        return self._needs_book and not self.book.known

    def open(self, order: VenueOrder) -> None:
        """Take in an order as it is."""
        self.orders.add(order)
        self._open[order.client_order_id] = order
        self.waiting += 1

    def close(self, order: VenueOrder) -> None:
        """Take out an order that ended."""
        self.orders.remove(order)
        del self._open[order.client_order_id]
        self.waiting -= 1

    def snapshot(self) -> dict[str, Any]:
        """Return the memory but for the orders, as plain values."""
        return {
            "last_ticks": self.last_ticks,
            "quote": list(self._quote),
            "book": self.book.snapshot(),
            "clearing": self.clearing.snapshot(),
        }

    def restore(self, memory: dict[str, Any]) -> None:
        """Take over the memory that `snapshot` returned, with no order open."""
        self.orders = OpenOrders()
        self.waiting = 0
        self.last_ticks = memory["last_ticks"]
        bid_ticks, ask_ticks = memory["quote"]
        self._quote = (bid_ticks, ask_ticks)
        self.book.restore(memory["book"])
        self.clearing.restore(memory["clearing"])

    def _match_book(self, events: list[Event], time_ns: int) -> list[Event]:
        if not self.waiting:
            return events
        outcomes = self._model.on_book(self.orders, self.book)
        return self._settle(outcomes, events, time_ns, time_ns) if outcomes else events

    def _settle(
        self, outcomes: list[Outcome], events: list[Event], time_ns: int, venue_time_ns: int
    ) -> list[Event]:
        outer = getcontext()
        if outer is not EXACT:
            setcontext(EXACT)
        try:
            for outcome in outcomes:
                self.clearing.clear(outcome, events, time_ns, venue_time_ns)
                order = outcome[0]
                if not order.open_lots:
                    self.close(order)
                elif order.taking and not order.is_market:
                    self.orders.rest(order, self.queue_ahead(order))
        finally:
            if outer is not EXACT:
                setcontext(outer)
        return events

    def queue_ahead(self, order: VenueOrder) -> int:
        """Return how many lots of others stand before *order*, were it to rest now."""
        return self.book.visible_lots(order.limit_ticks, is_buy=order.is_buy)
