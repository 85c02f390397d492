"""Prove that what the venue tells unasked arrives, that gaps are told, and that nonsense does no harm."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from meva_adapters.contracts.case import CaseList, expect_equal, expect_true
from meva_adapters.contracts.exchange_bench import ExchangeBench, name_of
from meva_adapters.contracts.exchange_harness import Mishap
from meva_adapters.contracts.heard import Heard, heard_from
from meva_adapters.contracts.promises import FILL, FOLLOWS, NOT_UNDERSTOOD, TOLD, UNASKED
from meva_core.events import (
    Event,
    OrderAcknowledged,
    OrderCanceled,
    OrderFilled,
    StreamConnected,
    StreamGapDetected,
    StreamLost,
)

STREAMS: CaseList[ExchangeBench] = CaseList()
case = STREAMS.case
_QUIET_S: Final = 0.3


@asynccontextmanager
async def followed(bench: ExchangeBench) -> AsyncIterator[Heard]:
    """Follow the stream of our orders."""
    async with heard_from(bench.harness.stream()) as (heard, _task):
        yield heard


@case("EX-80", "life of an order on the stream", promise=UNASKED)
async def life(bench: ExchangeBench) -> None:
    """Connect first, then tell the acknowledgement, the fill and the cancel of an order."""
    async with followed(bench) as heard:
        order = await bench.resting()
        await heard.until(lambda: heard.of(OrderAcknowledged), "the acknowledgement")
        await bench.harness.execute(name_of(order), order.request.quantity / 4)
        await heard.until(lambda: heard.of(OrderFilled), "the fill")
        await bench.cancel(order)
        await heard.until(lambda: heard.of(OrderCanceled), "the cancel")

    expect_true(isinstance(heard.events[0], StreamConnected), f"first it connects: {heard.events[0]}")
    names = [event.client_order_id for event in heard.of(OrderAcknowledged)]
    names += [event.client_order_id for event in heard.of(OrderCanceled)]
    expect_equal({name_of(order)}, set(names), "whose they are")


@case("EX-81", "fill on the stream", promise=FILL)
async def same_fill(bench: ExchangeBench) -> None:
    """Tell a trade by the stream as the venue has it: id, amounts, fee and name."""
    async with followed(bench) as heard:
        order = await bench.resting()
        await bench.harness.execute(name_of(order), order.request.quantity)
        await heard.until(lambda: heard.of(OrderFilled), "the fill")

    [true], [told] = bench.harness.trades(), heard.of(OrderFilled)
    for field in ("symbol", "trade_id", "client_order_id", "side", "price", "quantity", "fee", "fee_asset"):
        expect_equal(getattr(true, field), getattr(told.fill, field), field)


@case("EX-82", "events that come twice", promise=FILL)
async def doubled(bench: ExchangeBench) -> None:
    """Give the repetition the same id, so that it is booked once."""
    async with followed(bench) as heard:
        order = await bench.resting()
        await bench.trouble(Mishap.STREAM_DOUBLE, amount=3)
        await bench.harness.execute(name_of(order), order.request.quantity)
        await heard.until(lambda: heard.of(OrderFilled), "the fill")
        await asyncio.sleep(_QUIET_S)

    true = {trade.trade_id for trade in bench.harness.trades()}
    expect_equal(true, {event.fill.trade_id for event in heard.of(OrderFilled)}, "ids of the fills")


@case("EX-83", "connection cut, fill in the gap", promise=TOLD)
async def cut(bench: ExchangeBench) -> None:
    """Tell the loss and the new connection; with the look after it nothing is missing."""
    async with followed(bench) as heard:
        order = await bench.resting()
        await bench.trouble(Mishap.STREAM_CUT)
        await bench.harness.execute(name_of(order), order.request.quantity)
        await heard.until(lambda: heard.of(StreamLost), "the loss")
        await heard.until(lambda: len(heard.of(StreamConnected)) > 1, "the new connection")
        state = await bench.observe()
        second = await bench.resting()
        await heard.until(lambda: _acknowledged(heard, name_of(second)), "what happens after it")

    expect_equal(
        [trade.trade_id for trade in bench.harness.trades()],
        [fill.trade_id for fill in state.fills],
        "ids of the trades after the gap",
    )


@case("EX-84", "silence on an open connection", promise=TOLD)
async def silent(bench: ExchangeBench) -> None:
    """Take silence for a loss, after a time; an open connection proves nothing."""
    async with followed(bench) as heard:
        await bench.trouble(Mishap.STREAM_SILENT)
        await heard.until(lambda: heard.of(StreamLost), "the loss")

    expect_true(heard.of(StreamLost)[0].reason, "the loss has a reason")


@case("EX-85", "malformed message on the stream", promise=NOT_UNDERSTOOD)
async def malformed(bench: ExchangeBench) -> None:
    """Tell no more of it than a gap, for it may have been a fill, and go on."""
    await _goes_on_after(bench, Mishap.STREAM_GARBAGE, StreamConnected, StreamGapDetected)


@case("EX-86", "unknown event on the stream", promise=NOT_UNDERSTOOD)
async def unknown(bench: ExchangeBench) -> None:
    """Tell nothing of it, and go on."""
    await _goes_on_after(bench, Mishap.STREAM_UNKNOWN, StreamConnected)


@case("EX-87", "venue down under the stream", promise=FOLLOWS)
async def down(bench: ExchangeBench) -> None:
    """Tell the loss, and try again for ever."""
    async with followed(bench) as heard:
        await bench.trouble(Mishap.DOWN)
        await heard.until(lambda: heard.of(StreamLost), "the loss")
        await asyncio.sleep(_QUIET_S)

    expect_equal(1, len(heard.of(StreamLost)), "losses that are told")


async def _goes_on_after(bench: ExchangeBench, mishap: Mishap, *passed_over: type[Event]) -> None:
    async with followed(bench) as heard:
        await bench.trouble(mishap)
        order = await bench.resting()
        await heard.until(lambda: _acknowledged(heard, name_of(order)), "what happens after it")

    told = [event for event in heard.events if not isinstance(event, passed_over)]
    expect_equal(
        [name_of(order)], [getattr(event, "client_order_id", event) for event in told], "what is told"
    )


def _acknowledged(heard: Heard, name: str) -> bool:
    return any(event.client_order_id == name for event in heard.of(OrderAcknowledged))
