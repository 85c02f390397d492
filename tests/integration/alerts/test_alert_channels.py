"""Alerts reach people through real sockets; a dead channel holds nothing up and is told of on another."""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from hashlib import sha256
from typing import Any

import orjson
from aiohttp import web

from meva_adapters.alerts.delivery import CHANNEL_FAILED, AlertDelivery
from meva_adapters.alerts.webhook import WebhookAlertSink, slack_form, telegram_form
from meva_core.commands import AlertLevel, RaiseAlert

ALERT = RaiseAlert(AlertLevel.CRITICAL, "kill_switch", "BTC/USDT", "a < b & c", {"epoch": 3})


class Receiver:
    """Take posts on a real port, and answer with the *statuses* in turn, the last one for ever."""

    def __init__(self, *statuses: int) -> None:
        self.statuses = list(statuses or (200,))
        self.taken: list[tuple[dict[str, str], bytes]] = []
        self.asked: list[str] = []  # By GET, whatever lies behind the address.
        self.address = ""
        self.heard = asyncio.Event()
        self.hold: asyncio.Event | None = None  # While it is there and not set, nobody is answered.

    async def take(self, request: web.Request) -> web.Response:
        self.taken.append((dict(request.headers), await request.read()))
        self.heard.set()
        if self.hold is not None:
            await self.hold.wait()
        status = self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0]
        return web.Response(status=status)

    async def be_asked(self, request: web.Request) -> web.Response:
        self.asked.append(str(request.url))
        self.heard.set()
        return web.Response(status=self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0])

    @property
    def bodies(self) -> list[Any]:
        """Return what was posted."""
        return [orjson.loads(body) for _, body in self.taken]


@asynccontextmanager
async def receiving(*statuses: int) -> AsyncIterator[Receiver]:
    """Yield a receiver that listens."""
    receiver = Receiver(*statuses)
    app = web.Application()
    app.router.add_post("/hook", receiver.take)
    app.router.add_get("/{path:hook.*}", receiver.be_asked)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    receiver.address = f"http://127.0.0.1:{runner.addresses[0][1]}/hook"
    try:
        yield receiver
    finally:
        await runner.cleanup()


async def test_a_hook_can_prove_who_sent_it() -> None:
    """The signature covers time and body, so neither can be changed or replayed later."""
    async with receiving() as receiver:
        sink = WebhookAlertSink(receiver.address, key=b"secret", now_s=lambda: 1_700_000_000.9)
        taken = await sink.deliver(ALERT)
    headers, body = receiver.taken[0]
    digest = hmac.new(b"secret", b"1700000000." + body, sha256).hexdigest()

    assert taken
    assert f"t=1700000000,v1={digest}" == headers["X-Meva-Signature"]
    assert ("critical", "kill_switch", "3") == (
        receiver.bodies[0]["level"],
        receiver.bodies[0]["code"],
        receiver.bodies[0]["context"]["epoch"],
    )


async def test_slack_and_telegram_get_their_forms() -> None:
    """Slack's control characters are escaped; Telegram gets plain text for one chat."""
    async with receiving() as receiver:
        await WebhookAlertSink(receiver.address, slack_form).deliver(ALERT)
        await WebhookAlertSink(receiver.address, telegram_form("42")).deliver(ALERT)

    assert {"text": "[CRITICAL] kill_switch BTC/USDT: a &lt; b &amp; c"} == receiver.bodies[0]
    assert "42" == receiver.bodies[1]["chat_id"]
    assert "[CRITICAL] kill_switch BTC/USDT: a < b & c" == receiver.bodies[1]["text"]


async def test_refusal_and_silence_are_not_delivered() -> None:
    """A status of failure, a redirect and a closed port all count as nobody reached."""
    async with receiving(500, 302) as receiver:
        sink = WebhookAlertSink(receiver.address)
        answers = [await sink.deliver(ALERT), await sink.deliver(ALERT)]
    answers.append(await sink.deliver(ALERT))

    assert [False, False, False] == answers


async def test_a_failed_try_is_repeated_until_it_is_delivered() -> None:
    """One record says how often it took."""
    async with receiving(503, 503, 200) as receiver:
        delivery = AlertDelivery({"hook": WebhookAlertSink(receiver.address)}, retry_s=(0.01, 0.01))
        delivery.start()
        delivery.raise_alert(ALERT)
        await delivery.stop()

    assert [(True, 3)] == [(item.delivered, item.attempts) for item in delivery.deliveries]
    assert 3 == len(receiver.taken)


async def test_a_dead_channel_is_told_of_on_another_and_blocks_nothing() -> None:
    """The living channel gets both alerts and the news, once; raising never waits."""
    async with receiving() as alive, receiving(500) as dead:
        channels = {"dead": WebhookAlertSink(dead.address), "alive": WebhookAlertSink(alive.address)}
        delivery = AlertDelivery(channels, retry_s=(0.01, 0.01))
        delivery.start()
        delivery.raise_alert(ALERT)
        delivery.raise_alert(ALERT)
        await delivery.stop()
    codes = [body["code"] for body in alive.bodies]

    assert 2 == codes.count("kill_switch")
    assert 1 == codes.count(CHANNEL_FAILED)
    assert [False, False] == [item.delivered for item in delivery.deliveries if item.channel == "dead"]


async def test_a_channel_gets_what_is_loud_enough_for_it() -> None:
    """A pager hears of what is critical, the chat of everything; a dead channel is told of on the pager as well."""
    async with receiving() as chat, receiving() as pager, receiving(500) as dead:
        receivers = {"chat": chat, "pager": pager, "dead": dead}
        delivery = AlertDelivery(
            {name: WebhookAlertSink(receiver.address) for name, receiver in receivers.items()},
            lowest={"pager": AlertLevel.CRITICAL, "dead": AlertLevel.CRITICAL},
            retry_s=(0.01,),
        )
        delivery.start()
        for level in AlertLevel:
            delivery.raise_alert(RaiseAlert(level, level.value, "", "look", {}))
        await delivery.stop()
    codes = {name: [body["code"] for body in receiver.bodies] for name, receiver in receivers.items()}

    assert [*AlertLevel, CHANNEL_FAILED] == codes["chat"]
    assert ["critical", CHANNEL_FAILED] == codes["pager"]
    assert ["critical", "critical"] == codes["dead"]
    assert delivery.reaches(AlertLevel.INFO)
    assert not AlertDelivery({"pager": WebhookAlertSink("")}, lowest={"pager": AlertLevel.CRITICAL}).reaches(
        AlertLevel.HIGH
    )


async def test_a_channel_that_raises_keeps_the_queue_alive() -> None:
    """Whatever a stranger's channel does, the next alert is tried."""

    class Broken:
        calls = 0

        async def deliver(self, alert: RaiseAlert) -> bool:
            self.calls += 1
            raise RuntimeError("broken")

    broken = Broken()
    delivery = AlertDelivery({"broken": broken}, retry_s=())
    delivery.start()
    delivery.raise_alert(ALERT)
    delivery.raise_alert(ALERT)
    await delivery.stop()

    assert 2 == broken.calls
