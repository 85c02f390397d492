"""Bring every alert to every channel in the background, with repetitions; never make trading wait."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Mapping
from typing import Final

from attrs import frozen

from meva_core.commands import AlertLevel, RaiseAlert
from meva_core.ports.alerts import AlertSink

# A channel that is down for an hour misses what is older than its last thousand alerts; the journal has them all.
QUEUE_MAX: Final = 1_000
DELIVERIES_KEPT: Final = 1_000
RETRY_S: Final = (0.5, 2.0, 10.0, 60.0)
CHANNEL_FAILED: Final = "alert_channel_failed"
_RANK: Final = {level: rank for rank, level in enumerate(AlertLevel)}


@frozen
class Delivery:
    """Record what became of one alert on one channel."""

    channel: str
    code: str
    subject: str
    delivered: bool
    attempts: int


class AlertDelivery:
    """Feed one queue per *channel*, so that none waits for another.

    A channel that fails its first two tries is told of on all others, once until it works again. `raise_alert`
    returns at once; a full queue drops its oldest alert and counts it. *lowest* names, by channel, the level from
    which on it gets alerts; a failing channel is told of on all others whatever they get. *on_delivery* hears what
    became of each.
    """

    def __init__(
        self,
        channels: Mapping[str, AlertSink],
        *,
        lowest: Mapping[str, AlertLevel] | None = None,
        retry_s: tuple[float, ...] = RETRY_S,
        on_delivery: Callable[[Delivery], None] | None = None,
    ) -> None:
        self._channels = dict(channels)
        self._lowest = {name: _RANK[level] for name, level in (lowest or {}).items()}
        self._retry_s = retry_s
        self._on_delivery = on_delivery
        self._queues = {name: deque[RaiseAlert](maxlen=QUEUE_MAX) for name in channels}
        self._wakes = {name: asyncio.Event() for name in channels}
        self._failed: set[str] = set()
        self._idle = asyncio.Event()
        self._idle.set()
        self._tasks: list[asyncio.Task[None]] = []
        self.deliveries: deque[Delivery] = deque(maxlen=DELIVERIES_KEPT)
        self.dropped = 0

    def start(self) -> None:
        """Begin to deliver, on the running loop."""
        self._tasks = [asyncio.create_task(self._feed(name)) for name in self._channels]

    async def stop(self, *, grace_s: float = 3.0) -> None:
        """Deliver what is queued for at most *grace_s* seconds, then end."""
        rested = asyncio.create_task(self._idle.wait())
        await asyncio.wait({rested}, timeout=grace_s)
        tasks = (rested, *self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def raise_alert(self, alert: RaiseAlert, *, without: str = "") -> None:
        """Queue *alert* on every channel that gets its level, but not on *without*."""
        for name, queue in self._queues.items():
            if name == without or not (alert.code == CHANNEL_FAILED or self._gets(name, alert.level)):
                continue
            self.dropped += len(queue) == QUEUE_MAX
            queue.append(alert)
            self._idle.clear()
            self._wakes[name].set()

    def reaches(self, level: AlertLevel) -> bool:
        """Return whether any channel gets alerts of *level*."""
        return any(self._gets(name, level) for name in self._channels)

    def _gets(self, name: str, level: AlertLevel) -> bool:
        return _RANK[level] >= self._lowest.get(name, 0)

    async def _feed(self, name: str) -> None:
        queue, wake = self._queues[name], self._wakes[name]
        while True:
            await wake.wait()
            wake.clear()
            while queue:
                alert = queue[0]
                await self._deliver(name, alert)
                if queue and queue[0] is alert:  # A full queue may have dropped it meanwhile.
                    queue.popleft()
            if not any(self._queues.values()):
                self._idle.set()

    async def _deliver(self, name: str, alert: RaiseAlert) -> None:
        attempts, delivered = 0, False
        for wait_s in (0.0, *self._retry_s):
            await asyncio.sleep(wait_s)
            attempts += 1
            delivered = await self._try(name, alert)
            if delivered:
                self._failed.discard(name)
                break
            if attempts == 2:  # noqa: PLR2004 - one failure is an accident, two are a state.
                self._tell_of(name, alert)
        delivery = Delivery(name, alert.code, alert.subject, delivered, attempts)
        self.deliveries.append(delivery)
        if self._on_delivery is not None:
            self._on_delivery(delivery)

    async def _try(self, name: str, alert: RaiseAlert) -> bool:
        try:
            return await self._channels[name].deliver(alert)
        except Exception:  # noqa: BLE001 - a stranger's channel may fail in any way; it counts as not delivered.
            return False

    def _tell_of(self, name: str, alert: RaiseAlert) -> None:
        if name in self._failed or alert.code == CHANNEL_FAILED:
            return
        self._failed.add(name)
        message = f"the alert channel {name} does not take alerts; look at its address and its service"
        self.raise_alert(RaiseAlert(AlertLevel.HIGH, CHANNEL_FAILED, name, message, {}), without=name)
