"""Whoever waits for a promise hears of it in the step in which it is kept; in all else it is a future."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from meva_runners.trading.promise import Promise


def soon(promise: Promise, steps: list[str]) -> None:
    """Have *promise* kept in a step of the loop, as the writer keeps it, with something else ready before it."""

    def keep() -> None:
        promise.keep()
        steps.append("kept")

    loop = asyncio.get_running_loop()
    loop.call_soon(keep)
    loop.call_soon(steps.append, "prices")


async def test_whoever_waits_goes_on_before_what_else_is_ready() -> None:
    """An order that waited for the disk does not wait for the prices that came meanwhile."""
    promise, steps = Promise(), list[str]()

    async def order() -> None:
        await promise
        steps.append("order")

    waiting = asyncio.create_task(order())
    await asyncio.sleep(0)
    soon(promise, steps)
    await waiting
    await asyncio.sleep(0)

    assert ["order", "kept", "prices"] == steps


async def test_everybody_is_told_in_order_though_one_fails(caplog: pytest.LogCaptureFixture) -> None:
    """What fails when it is told is told to the loop, and keeps nobody else waiting."""
    promise, steps = Promise(), list[str]()

    def fail(_: Any) -> None:
        raise RuntimeError("a bug of ours")

    promise.add_done_callback(lambda _: steps.append("first"))
    promise.add_done_callback(fail)
    promise.add_done_callback(lambda _: steps.append("last"))
    promise.keep()
    await asyncio.sleep(0)

    assert ["first", "last"] == steps
    assert "told of a kept promise, it failed" in caplog.text


async def test_nobody_is_told_twice_or_after_leaving() -> None:
    """A callback that was taken back is not called, and the loop calls none again a turn later."""
    promise, steps = Promise(), list[str]()

    def left(_: Any) -> None:
        steps.append("left")

    promise.add_done_callback(left)
    promise.add_done_callback(lambda _: steps.append("stays"))
    assert 1 == promise.remove_done_callback(left)
    promise.keep()
    promise.keep()
    await asyncio.sleep(0)

    assert ["stays"] == steps


async def test_a_cancelled_wait_ends_and_the_promise_may_still_be_kept() -> None:
    """As with any future, to cancel a task cancels what it waits for; keeping that then does nothing."""
    promise = Promise()

    async def order() -> None:
        await promise

    waiting = asyncio.create_task(order())
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    promise.keep()

    assert promise.cancelled()


async def test_a_broken_promise_tells_a_turn_later() -> None:
    """It may be broken by a task, which no other task can run within."""
    promise, told = Promise(), list[BaseException]()

    async def order() -> None:
        try:
            await promise
        except OSError as broken:
            told.append(broken)

    waiting = asyncio.create_task(order())
    await asyncio.sleep(0)
    promise.set_exception(OSError("the disk"))
    assert not told
    await waiting

    assert ["the disk"] == [str(each) for each in told]


async def test_several_may_wait_and_each_in_its_own_way() -> None:
    """`wait`, `wait_for` and `gather` end as they do on any future."""
    promise = Promise()
    waits = [
        asyncio.create_task(asyncio.wait({promise}, timeout=5)),
        asyncio.create_task(asyncio.wait_for(asyncio.shield(promise), 5)),
        asyncio.ensure_future(asyncio.gather(promise)),
    ]
    await asyncio.sleep(0)
    asyncio.get_running_loop().call_soon(promise.keep)

    done, _ = await asyncio.wait(waits, timeout=1)

    assert set(waits) == done
