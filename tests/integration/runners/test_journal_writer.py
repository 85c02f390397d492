"""Promises are kept by the write that is faster, and no commit that was asked for starves behind them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from threading import Event as Gate
from typing import cast

import pytest

from meva_core.errors import StorageError
from meva_runners.commit_then_act import CommittingAgent
from meva_runners.trading.journal_writer import JournalWriter
from meva_runners.trading.promise import Promise
from meva_runners.trading.writer_thread import WriterThread


class Disk:
    """Note each write, and let it end when *free*."""

    def __init__(self) -> None:
        self.writes: list[str] = []
        self.free = Gate()
        self.free.set()
        self.failure: Exception | None = None

    def securing(self) -> Callable[[], None]:
        return lambda: self._write("secure")

    def committing(self) -> Callable[[], None]:
        return lambda: self._write("commit")

    def _write(self, kind: str) -> None:
        assert self.free.wait(10), "a test lets its disk go"
        if self.failure is not None:
            raise self.failure
        self.writes.append(kind)


def writer_on(disk: Disk, failures: list[BaseException]) -> JournalWriter:
    """Return a writer that writes to *disk*."""
    return JournalWriter(cast("CommittingAgent", disk), on_failure=failures.append)


async def test_a_promise_is_kept_by_securing() -> None:
    """Whoever waits for durability waits for no commit; whoever asks for a commit gets one."""
    disk = Disk()
    writer = writer_on(disk, [])
    await writer.durable()
    kept = list(disk.writes)
    writer.request()
    assert await writer.close(5)

    assert ["secure"] == kept
    assert ["secure", "commit"] == disk.writes


async def test_a_commit_waits_for_one_securing_at_most() -> None:
    """However many promises come meanwhile: they are kept by the commit too."""
    disk = Disk()
    writer = writer_on(disk, [])
    disk.free.clear()
    promises = [writer.durable()]
    writer.request()
    promises += [writer.durable() for _ in range(3)]
    disk.free.set()
    await asyncio.gather(*promises)
    assert await writer.close(5)

    assert ["secure", "commit"] == disk.writes


async def test_several_that_wait_share_a_write() -> None:
    """Orders of one decision leave after one write; each has a promise of its own, and may be cancelled alone."""
    disk = Disk()
    writer = writer_on(disk, [])
    first, second = writer.durable_for(2)
    first.cancel()
    await second
    assert await writer.close(5)

    assert first.cancelled()
    assert ["secure"] == disk.writes


async def test_a_promise_that_comes_amid_a_commit_is_kept_before_the_next_commit() -> None:
    """It is secured, and the commit that was asked for meanwhile follows."""
    disk = Disk()
    writer = writer_on(disk, [])
    disk.free.clear()
    writer.request()
    promise = writer.durable()
    writer.request()
    disk.free.set()
    await promise
    assert await writer.close(5)

    assert ["commit", "secure", "commit"] == disk.writes


async def test_a_failed_write_breaks_every_promise() -> None:
    """Those that waited for it, those that came meanwhile and those that come later; it is told once."""
    disk, failures = Disk(), list[BaseException]()
    writer = writer_on(disk, failures)
    disk.free.clear()
    disk.failure = StorageError("session.db", "failed.", "Look.")
    early = writer.durable()
    meanwhile = writer.durable()
    disk.free.set()
    for promise in (early, meanwhile):
        with pytest.raises(StorageError, match="failed"):
            await promise
    with pytest.raises(StorageError, match="failed"):
        await writer.durable()
    assert await writer.close(5)

    assert [disk.failure] == failures
    assert [] == disk.writes


def test_way_is_given_until_the_thread_has_begun() -> None:
    """The caller goes on when the thread is at work, and in any case soon: it waits for no disk."""
    thread, begun, free = WriterThread("test"), Gate(), Gate()

    def work() -> None:
        begun.set()
        assert free.wait(10), "the test lets it go"

    told: list[BaseException | None] = []
    thread.submit(work, told.append)
    thread.give_way()
    first = begun.wait(5)
    thread.submit(work, told.append)
    thread.give_way()
    free.set()

    assert first
    assert thread.shutdown(5)
    assert [None, None] == told


async def test_an_order_goes_on_in_the_step_that_hears_of_its_write(monkeypatch: pytest.MonkeyPatch) -> None:
    """It does not wait for another turn of the loop, in which prices would go before it."""
    disk, steps = Disk(), list[str]()
    writer = writer_on(disk, [])
    finish = writer._finish

    def finishing(waiting: list[Promise], failure: BaseException | None) -> None:
        finish(waiting, failure)
        steps.append("heard")

    async def order() -> None:
        await writer.durable()
        steps.append("order")

    monkeypatch.setattr(writer, "_finish", finishing)
    await asyncio.create_task(order())
    await asyncio.sleep(0)
    assert await writer.close(5)

    assert ["order", "heard"] == steps
