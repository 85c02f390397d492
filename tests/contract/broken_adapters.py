"""Break the Binance adapter in every way that has cost somebody money; claim nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

from attrs import evolve, frozen

from meva_adapters.contracts.exchange_harness import ExchangeHarness
from meva_adapters.exchange.binance.exchange import BinanceExchange
from meva_adapters.exchange.binance.trades import OwnTrades
from meva_adapters.transport.rate_budget import RateBudget
from meva_core.commands import CancelOrder, ObserveVenue, PlaceOrder, QueryOrder
from meva_core.errors import VenueRefusedError, VenueUnknownError
from meva_core.events import (
    CancelRefused,
    Event,
    ObservedOrder,
    OrderAcknowledged,
    OrderCanceled,
    OrderFilled,
    OrderOutcomeUnknown,
    OrderQueryAnswered,
    OrderRejected,
    RequestFailed,
    VenueStateObserved,
)
from meva_core.model.fill import Fill, Liquidity
from meva_core.model.order import TimeInForce
from meva_core.ports.exchange import Capability, ExchangeAdapter, VenueCapabilities
from meva_core.ports.market_feed import Deliver, EventStream
from meva_runners.harnesses.binance import VenueHarness
from meva_runners.harnesses.still_market import INSTRUMENTS

SYMBOLS = [each.symbol for each in INSTRUMENTS]


class Wrapper:
    """Pass everything on to a right adapter; subclasses do one thing wrong."""

    def __init__(self, inner: ExchangeAdapter) -> None:
        self.inner = inner

    @property
    def capabilities(self) -> VenueCapabilities:
        return self.inner.capabilities

    async def place(self, command: PlaceOrder) -> Sequence[Event]:
        return self.told(await self.inner.place(command))

    async def cancel(self, command: CancelOrder) -> Sequence[Event]:
        return self.told(await self.inner.cancel(command))

    async def cancel_all(self, command: Any) -> Sequence[Event]:
        return await self.inner.cancel_all(command)

    async def query(self, command: QueryOrder) -> Sequence[Event]:
        return self.told(await self.inner.query(command))

    async def observe(self, command: ObserveVenue) -> Sequence[Event]:
        return self.told(await self.inner.observe(command))

    def told(self, events: Sequence[Event]) -> list[Event]:
        """Return what is told in place of *events*."""
        return [self.told_of(event) for event in events]

    def told_of(self, event: Event) -> Event:
        """Return what is told in place of *event*."""
        return event


def with_fills(event: Event, change: Callable[[tuple[Fill, ...]], tuple[Fill, ...]]) -> Event:
    """Return *event* with other fills."""
    if isinstance(event, OrderQueryAnswered | VenueStateObserved):
        return evolve(event, fills=change(event.fills))
    if isinstance(event, OrderFilled):
        return evolve(event, fill=change((event.fill,))[0])
    return event


class ResendsOnTimeout(Wrapper):
    async def place(self, command: PlaceOrder) -> Sequence[Event]:
        events = await self.inner.place(command)
        if isinstance(events[0], OrderOutcomeUnknown):
            events = await self.inner.place(command)
        return events


class RejectedForServerErrors(Wrapper):
    def told_of(self, event: Event) -> Event:
        if isinstance(event, OrderOutcomeUnknown) and "HTTP 5" in event.problem:
            return OrderRejected(event.time_ns, event.client_order_id, "503", event.problem)
        return event


class RejectedForTimeouts(Wrapper):
    def told_of(self, event: Event) -> Event:
        if isinstance(event, OrderOutcomeUnknown) and "Timeout" in event.problem:
            return OrderRejected(event.time_ns, event.client_order_id, "timeout", event.problem)
        return event


class InventsFills(Wrapper):
    async def query(self, command: QueryOrder) -> Sequence[Event]:
        [event] = await self.inner.query(command)
        if isinstance(event, OrderQueryAnswered) and event.order is not None and not event.fills:
            return [evolve(event, fills=(self.invented(event.order),))]
        return [event]

    def invented(self, order: ObservedOrder) -> Fill:
        return Fill(
            order.symbol,
            "1",
            order.client_order_id,
            order.venue_order_id,
            order.side,
            Decimal(1),
            order.quantity,
            Decimal(0),
            "USDT",
            Liquidity.TAKER,
            0,
        )


class DropsFees(Wrapper):
    def told_of(self, event: Event) -> Event:
        return with_fills(event, lambda fills: tuple(evolve(fill, fee=Decimal(0)) for fill in fills))


class FeesInTheQuoteAlways(Wrapper):
    def told_of(self, event: Event) -> Event:
        return with_fills(event, lambda fills: tuple(evolve(fill, fee_asset="USDT") for fill in fills))


class RepeatsTrades(Wrapper):
    def told_of(self, event: Event) -> Event:
        return with_fills(event, lambda fills: fills + fills[-1:])


class Floats(Wrapper):
    def told_of(self, event: Event) -> Event:
        def inexact(fills: tuple[Fill, ...]) -> tuple[Fill, ...]:
            wrong: Any = [evolve(fill, price=float(fill.price)) for fill in fills]  # type: ignore[arg-type]
            return tuple(wrong)

        return with_fills(event, inexact)


class SwallowsUnknownStatus(Wrapper):
    def told_of(self, event: Event) -> Event:
        if isinstance(event, OrderOutcomeUnknown) and "unknown status" in event.problem:
            return OrderAcknowledged(event.time_ns, event.client_order_id, "1")
        if isinstance(event, OrderQueryAnswered) and event.order and event.order.status.isupper():
            return evolve(event, order=evolve(event.order, status="accepted"))
        return event


class NotFoundIsRejected(Wrapper):
    def told_of(self, event: Event) -> Event:
        if isinstance(event, OrderQueryAnswered) and event.order is None:
            return OrderRejected(event.time_ns, event.client_order_id, "-2013", "no such order")
        return event


class FailedQueryIsNotFound(Wrapper):
    def told_of(self, event: Event) -> Event:
        if isinstance(event, RequestFailed) and event.request == "query":
            return OrderQueryAnswered(event.time_ns, event.time_ns, event.time_ns, event.subject, None, ())
        return event


class RefusedCancelIsCanceled(Wrapper):
    def told_of(self, event: Event) -> Event:
        if isinstance(event, CancelRefused):
            return OrderCanceled(event.time_ns, event.client_order_id, event.reason)
        return event


class LostCancelIsCanceled(Wrapper):
    def told_of(self, event: Event) -> Event:
        if isinstance(event, RequestFailed) and event.request == "cancel":
            return OrderCanceled(event.time_ns, event.subject, event.problem)
        return event


class StampsAnew(Wrapper):
    async def place(self, command: PlaceOrder) -> Sequence[Event]:
        return await self.inner.place(evolve(command, stamp_ns=VenueHarness().now_ns()))


class RestsWhatShouldNot(Wrapper):
    async def place(self, command: PlaceOrder) -> Sequence[Event]:
        if command.request.time_in_force is TimeInForce.FOK:
            command = evolve(command, request=evolve(command.request, time_in_force=TimeInForce.GTC))
        return await self.inner.place(command)


class DeclaresLessThanItSends(Wrapper):
    @property
    def capabilities(self) -> VenueCapabilities:
        declared = self.inner.capabilities
        kinds = tuple(each for each in declared.order_kinds if each is not Capability.FILL_OR_KILL)
        return evolve(declared, order_kinds=kinds)


class RaisesForALostConnection(Wrapper):
    async def place(self, command: PlaceOrder) -> Sequence[Event]:
        [event, *rest] = await self.inner.place(command)
        if isinstance(event, OrderOutcomeUnknown):
            raise ConnectionError(event.problem)
        return [event, *rest]


class TellsAnswersTwice(Wrapper):
    async def place(self, command: PlaceOrder) -> Sequence[Event]:
        events = list(await self.inner.place(command))
        return [*events, events[0]]


class FirstPageOnly(OwnTrades):
    async def after(self, symbol: str, trade_id: str) -> tuple[Fill, ...]:
        if trade_id:
            return await super().after(symbol, trade_id)
        page = await self._page(symbol, [])
        return tuple([await self._named(symbol, trade) for trade in page])


class FromTheLastOne(OwnTrades):
    async def after(self, symbol: str, trade_id: str) -> tuple[Fill, ...]:
        return await super().after(symbol, str(int(trade_id) - 1) if trade_id else "")


class NoneWhereItFailed(OwnTrades):
    async def after(self, symbol: str, trade_id: str) -> tuple[Fill, ...]:
        try:
            return await super().after(symbol, trade_id)
        except (VenueRefusedError, VenueUnknownError):
            return ()


class OneConnection:
    """A stream that does not come back."""

    name = "user"

    def __init__(self, inner: EventStream) -> None:
        self.inner = inner

    async def run(self, deliver: Deliver) -> None:
        lost = False

        def once(event: Event) -> None:
            nonlocal lost
            if not lost:
                deliver(event)
            lost = lost or type(event).__name__ == "StreamLost"

        await self.inner.run(once)


# Cases about other things: a kit that finds a fault everywhere has found nothing.
WITNESSES = ("EX-04", "EX-41", "EX-49", "EX-94")


@frozen
class Broken:
    """Name one way to be wrong, the case that must find it, and those of `WITNESSES` that it also touches."""

    make: Callable[[], ExchangeHarness]
    case: str
    also: tuple[str, ...] = ()


def wrapped(wrapper: Callable[[ExchangeAdapter], ExchangeAdapter]) -> Callable[[], ExchangeHarness]:
    """Return harnesses whose adapter is wrapped."""

    class Harness(VenueHarness):
        async def connected(self, url: str) -> ExchangeAdapter:
            return wrapper(await super().connected(url))

    return Harness


def built(**parts: Any) -> Callable[[], ExchangeHarness]:
    """Return harnesses whose adapter has other parts."""

    class Harness(VenueHarness):
        async def connected(self, url: str) -> ExchangeAdapter:
            await super().connected(url)
            chosen = {"owns": self.is_ours} | {
                name: part(self.calls) if name == "trades" else part for name, part in parts.items()
            }
            return BinanceExchange(self.calls, symbols=SYMBOLS, **chosen)

    return Harness


class WithExponents(VenueHarness):
    """Amounts leave as Python writes them at worst."""

    async def connected(self, url: str) -> ExchangeAdapter:
        adapter = await super().connected(url)
        send = self.calls.signed

        async def with_exponents(method: str, path: str, parameters: Any, **more: Any) -> Any:
            written = [
                (name, f"{Decimal(text):E}" if name in ("quantity", "price") else text)
                for name, text in parameters
            ]
            return await send(method, path, written, **more)

        self.calls.signed = with_exponents  # type: ignore[method-assign]
        return adapter


class Boundless(RateBudget):
    """Take no limit for one."""

    def block(self, until_ns: int) -> None:
        """Forget it."""


class DeafToLimits(VenueHarness):
    """A rate limit is answered by going on."""

    async def connected(self, url: str) -> ExchangeAdapter:
        adapter = await super().connected(url)
        self.calls.budget = Boundless(limit=10**9, reserve=0, window_ns=10**9)
        return adapter


class StreamEnds(VenueHarness):
    """After the first loss nothing is told any more."""

    def stream(self) -> EventStream:
        return OneConnection(super().stream())


BROKEN = {
    "resends on timeout": Broken(wrapped(ResendsOnTimeout), "EX-07"),
    "says rejected for server errors": Broken(wrapped(RejectedForServerErrors), "EX-11"),
    "says rejected for time-outs": Broken(wrapped(RejectedForTimeouts), "EX-09"),
    "scientific notation": Broken(WithExponents, "EX-20", also=("EX-04",)),
    "cancel-all takes foreign orders": Broken(built(owns=lambda _name: True), "EX-48"),
    "invents fills": Broken(wrapped(InventsFills), "EX-73"),
    "drops fees": Broken(wrapped(DropsFees), "EX-70"),
    "fees in the quote always": Broken(wrapped(FeesInTheQuoteAlways), "EX-70"),
    "repeats trades": Broken(wrapped(RepeatsTrades), "EX-77"),
    "trades from the last one on": Broken(built(trades=FromTheLastOne), "EX-66"),
    "first page only": Broken(built(trades=FirstPageOnly), "EX-67"),
    "no trades where it failed": Broken(built(trades=NoneWhereItFailed), "EX-68"),
    "wrong side of the window": Broken(wrapped(StampsAnew), "EX-33"),
    "swallows unknown status": Broken(wrapped(SwallowsUnknownStatus), "EX-32"),
    "floats": Broken(wrapped(Floats), "EX-76"),
    "not found is rejected": Broken(wrapped(NotFoundIsRejected), "EX-57"),
    "failed query is not found": Broken(wrapped(FailedQueryIsNotFound), "EX-58"),
    "refused cancel is canceled": Broken(wrapped(RefusedCancelIsCanceled), "EX-42", also=("EX-41",)),
    "lost cancel is canceled": Broken(wrapped(LostCancelIsCanceled), "EX-44"),
    "deaf to limits": Broken(DeafToLimits, "EX-36"),
    "rests what should not": Broken(wrapped(RestsWhatShouldNot), "EX-17"),
    "declares less than it sends": Broken(wrapped(DeclaresLessThanItSends), "EX-38"),
    "raises for a lost connection": Broken(wrapped(RaisesForALostConnection), "EX-05"),
    "tells answers twice": Broken(wrapped(TellsAnswersTwice), "EX-01", also=("EX-04",)),
    "stream does not come back": Broken(StreamEnds, "EX-83"),
}
