"""The address alone says how a channel is spoken to, and nobody repeats it."""

from __future__ import annotations

import asyncio
import hmac
import time
from hashlib import sha256

import pytest

from meva_adapters.alerts.apprise_sink import AppriseAlertSink
from meva_adapters.alerts.channels import sink_of
from meva_core.errors import ConfigError
from tests.integration.alerts.test_alert_channels import ALERT, receiving

# A plugin of apprise imports a module that Python 3.13 no longer has, where it is there.
pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")


async def test_a_key_after_the_hash_signs_and_is_not_sent() -> None:
    """The receiver sees the signature; neither the path nor a header holds the key."""
    async with receiving() as receiver:
        taken = await sink_of(f"{receiver.address}#key=s3cret").deliver(ALERT)
    headers, body = receiver.taken[0]
    stamp, _, digest = headers["X-Meva-Signature"].partition(",")
    signed = stamp.removeprefix("t=").encode() + b"." + body

    assert taken
    assert f"v1={hmac.new(b's3cret', signed, sha256).hexdigest()}" == digest
    assert "s3cret" not in str(headers)


async def test_apprise_reaches_a_real_receiver() -> None:
    """An apprise address posts what the alert says to a real port, by apprise's own code."""
    async with receiving() as receiver:
        address = receiver.address.replace("http://", "json://")
        taken = await sink_of(address).deliver(ALERT)

    assert taken
    assert ("CRITICAL kill_switch", "[CRITICAL] kill_switch BTC/USDT: a < b & c", "failure") == (
        receiver.bodies[0]["title"],
        receiver.bodies[0]["message"],
        receiver.bodies[0]["type"],
    )


async def test_apprise_that_hangs_holds_nobody_up() -> None:
    """The loop goes on while apprise waits, and the deadline counts as not delivered."""
    released = asyncio.Event()
    async with receiving() as receiver:
        receiver.hold = released
        sink = sink_of(receiver.address.replace("http://", "json://"))
        began = time.monotonic()
        sending = asyncio.create_task(sink.deliver(ALERT))
        turns = 0
        while not sending.done():
            await asyncio.sleep(0.01)
            turns += 1
        released.set()

    assert not sending.result()
    assert turns > 50
    assert time.monotonic() - began < 4


async def test_a_refusing_service_is_not_delivered() -> None:
    """Apprise's own no is a no."""
    async with receiving(500) as receiver:
        assert not await sink_of(receiver.address.replace("http://", "json://")).deliver(ALERT)


@pytest.mark.parametrize(
    ("address", "told"),
    [
        ("http://hooks.example.com/secret-path", "not encrypted"),
        ("https://api.telegram.org/botsecret-path/sendMessage", "chat_id"),
        ("nonsense://secret-path", "neither as a web hook nor to apprise"),
        ("secret-path", "neither as a web hook nor to apprise"),
    ],
)
def test_an_address_that_is_none_is_refused_without_being_shown(address: str, told: str) -> None:
    """Whoever knows an address can post there, so an error does not repeat it."""
    with pytest.raises(ConfigError, match=told) as refused:
        sink_of(address)

    assert "secret-path" not in str(refused.value)


def test_the_scheme_chooses_apprise() -> None:
    """Mail and everything else that is no web hook is apprise's."""
    assert isinstance(sink_of("mailto://user:pass@example.com"), AppriseAlertSink)
