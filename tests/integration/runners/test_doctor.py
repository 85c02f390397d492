"""The doctor sees over real sockets and files what would keep an agent from trading, and says what to do."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession, web

from meva_adapters.controls.kill_latch import KillLatch
from meva_adapters.venue.server import VenueServer
from meva_adapters.venue.settings import DEFAULT_KEY, DEFAULT_SECRET, VenueSettings
from meva_runners.checkup.finding import Finding, Verdict
from meva_runners.checkup.machine import data_folder, disk_space, latch_off, port_free, python_version
from meva_runners.commands.doctor_app import DoctorOptions, examine
from tests.integration.alerts.test_alert_channels import receiving
from tests.integration.exchange.binance_case import server

GREEN, RED, SKIPPED = Verdict.GREEN, Verdict.RED, Verdict.SKIPPED


@pytest.fixture(autouse=True)
def surroundings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Give every test a state folder of its own, the venue's key, and no other setting."""
    for name in [name for name in os.environ if name.startswith("MEVA")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("MEVA_TRADE_API_KEY", DEFAULT_KEY)
    monkeypatch.setenv("MEVA_TRADE_API_SECRET", DEFAULT_SECRET)


# The number that the simulated venue gives its first account.
ACCOUNT = 'exchange.account_id="1"'


def prod(url: str, *overrides: str, live: bool = False) -> DoctorOptions:
    """Return options for production against the venue at *url*."""
    return DoctorOptions(env="prod", overrides=(f"exchange.rest_url={url}", ACCOUNT, *overrides), live=live)


def verdicts(findings: Sequence[Finding]) -> dict[str, Verdict]:
    """Return the worst verdict of each check; red is worst."""
    rank = [SKIPPED, GREEN, RED]
    worst: dict[str, Verdict] = {}
    for item in findings:
        worst[item.check] = max(worst.get(item.check, SKIPPED), item.verdict, key=rank.index)
    return worst


def said(findings: Sequence[Finding], check: str) -> str:
    """Return what *check* said, with what to do."""
    return " ".join(f"{item.said} {item.remedy}" for item in findings if item.check == check)


async def test_a_fit_machine_and_venue_are_green_all_over(monkeypatch: pytest.MonkeyPatch) -> None:
    """Against a real venue on a real port every check of production is green, the test alert included."""
    async with VenueServer(VenueSettings()) as venue, receiving() as receiver:
        monkeypatch.setenv("MEVA_ALERT_URL", receiver.address)
        findings = await examine(prod(venue.url, live=True))

    assert {GREEN} == set(verdicts(findings).values()) - {SKIPPED}
    assert ["data folder", "heartbeat"] == [item.check for item in findings if item.verdict is SKIPPED]
    assert "cannot withdraw" in said(findings, "key")
    assert ["test"] == [body["code"] for body in receiver.bodies]


async def test_without_live_no_alert_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    """Looking wakes nobody."""
    async with VenueServer(VenueSettings()) as venue, receiving() as receiver:
        monkeypatch.setenv("MEVA_ALERT_URL", receiver.address)
        findings = await examine(prod(venue.url))

    assert GREEN is verdicts(findings)["alert channel"]
    assert [] == receiver.taken


async def test_a_dead_alert_channel_is_red(monkeypatch: pytest.MonkeyPatch) -> None:
    """A receiver that refuses is found before it is needed; its address is not shown."""
    async with VenueServer(VenueSettings()) as venue, receiving(500) as receiver:
        monkeypatch.setenv("MEVA_ALERT_URL", receiver.address)
        findings = await examine(prod(venue.url, live=True))

    assert RED is verdicts(findings)["alert channel"]
    assert "env:MEVA_ALERT_URL did not take" in said(findings, "alert channel")
    assert receiver.address not in said(findings, "alert channel")


@pytest.mark.parametrize(
    ("live", "status", "verdict", "told"),
    [
        (False, 500, GREEN, "--live asks it once"),
        (True, 200, GREEN, "took a sign of life"),
        (True, 500, RED, "did not take a sign of life"),
    ],
)
async def test_the_heartbeat_that_is_watched_elsewhere_is_tried_where_that_is_asked_for(
    live: bool, status: int, verdict: Verdict, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Looking asks nothing; its address is not shown."""
    async with VenueServer(VenueSettings()) as venue, receiving(status) as receiver:
        monkeypatch.setenv("MEVA_ALERT_URL", receiver.address)
        monkeypatch.setenv("BEAT", f"{receiver.address}-beat")
        findings = await examine(prod(venue.url, "observability.heartbeat_url=env:BEAT", live=live))

    assert verdict is verdicts(findings)["heartbeat"]
    assert told in said(findings, "heartbeat")
    assert receiver.address not in str(findings)
    assert [f"{receiver.address}-beat"][: int(live)] == receiver.asked


async def test_a_wrong_key_is_red(monkeypatch: pytest.MonkeyPatch) -> None:
    """The venue's own refusal is told; what needs no key stays green."""
    monkeypatch.setenv("MEVA_TRADE_API_SECRET", "wrong")
    async with VenueServer(VenueSettings()) as venue:
        findings = await examine(prod(venue.url))
    found = verdicts(findings)

    assert (RED, GREEN, GREEN, GREEN) == tuple(
        found[check] for check in ("key", "venue", "clock", "market rules")
    )
    assert "-1022" in said(findings, "key")


@pytest.mark.parametrize(
    ("facts", "verdict", "told"),
    [
        ({"canWithdraw": True}, RED, "may withdraw"),
        ({"canTrade": False}, RED, "may not trade"),
        ({"uid": 7}, RED, "the key belongs to account 7, exchange.account_id is '1'"),
        ({}, GREEN, "may trade and cannot withdraw"),
    ],
)
async def test_the_rights_of_the_key_are_judged(facts: dict[str, bool], verdict: Verdict, told: str) -> None:
    """G6: a key that can withdraw is refused, and so is one that cannot do its work."""
    account = {"uid": 1, "canTrade": True, "canWithdraw": False} | facts
    async with VenueServer(VenueSettings()) as venue, server(answering(venue, account)) as url:
        findings = await examine(prod(url))

    assert (verdict, True) == (verdicts(findings)["key"], told in said(findings, "key"))


async def test_a_clock_that_is_off_is_red() -> None:
    """C4: seven hundred milliseconds are more than the five hundred that are allowed."""
    async with VenueServer(VenueSettings()) as venue, server(answering(venue, {}, late_ms=700)) as url:
        findings = await examine(prod(url))

    assert RED is verdicts(findings)["clock"]
    assert "time synchronisation" in said(findings, "clock")


async def test_rules_that_are_not_the_venues_are_red() -> None:
    """Both numbers are shown."""
    own = (
        "exchange.instruments=[{symbol: BTC/USDT, tick_size: 0.1, lot_size: 0.00001, min_quantity: 0.00001, "
    )
    async with VenueServer(VenueSettings()) as venue:
        findings = await examine(prod(venue.url, f"{own}min_notional: 5}}]"))

    assert "BTC/USDT tick_size is 0.1 here and 0.01 at the venue" in said(findings, "market rules")


async def test_a_venue_that_does_not_answer_is_red_and_the_rest_is_not_asked() -> None:
    """A closed port is told in one sentence."""
    with socket.create_server(("127.0.0.1", 0)) as closed:
        url = f"http://127.0.0.1:{closed.getsockname()[1]}"
    findings = await examine(prod(url))
    found = verdicts(findings)

    assert (RED, SKIPPED, SKIPPED) == (found["venue"], found["clock"], found["key"])


async def test_missing_and_exposed_secrets_are_red(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Z8: a key file that others can read is no secret, and a variable that is not set is named."""
    monkeypatch.delenv("MEVA_TRADE_API_SECRET")
    key = tmp_path / "key"
    key.write_text("exposed-secret")
    key.chmod(0o644)
    findings = await examine(DoctorOptions(env="prod", overrides=(f"exchange.api_key=file:{key}",)))
    told = said(findings, "secrets")

    assert RED is verdicts(findings)["secrets"]
    assert f"chmod go-rwx {key}" in told
    assert "env:MEVA_TRADE_API_SECRET: is not set" in told
    assert "exposed-secret" not in told


async def test_faulty_settings_are_told_all_at_once() -> None:
    """Two faults are two red lines; nothing else is claimed to be well."""
    findings = await examine(DoctorOptions(overrides=("risk.max_open_orders=x", "seed=y")))
    red = [item.said for item in findings if item.verdict is RED]

    assert 2 == len(red)
    assert {"python": GREEN} == {key: v for key, v in verdicts(findings).items() if v is GREEN}


def test_files_that_others_can_read_are_red(tmp_path: Path) -> None:
    """Z11: one file of 0644 or a folder of 0755 is enough; closed ones are green."""
    folder = tmp_path / "data"
    folder.mkdir(mode=0o700)
    (folder / "run.db").write_text("")
    (folder / "run.db").chmod(0o600)
    closed = data_folder(folder)
    (folder / "run.db").chmod(0o644)
    file_open = data_folder(folder)
    (folder / "run.db").chmod(0o600)
    folder.chmod(0o755)
    folder_open = data_folder(folder)

    assert [GREEN, RED, RED] == [item.verdict for item in (closed, file_open, folder_open)]
    assert f"chmod go-rwx {folder / 'run.db'}" in file_open.remedy


def test_a_full_disk_and_an_old_python_are_red(tmp_path: Path) -> None:
    """Each says what would be enough."""
    assert RED is disk_space(tmp_path, free_min=1 << 62).verdict
    assert GREEN is disk_space(tmp_path / "not" / "yet", free_min=1).verdict
    assert "3.11" in python_version((3, 10, 1)).remedy


def test_a_port_that_is_taken_is_red() -> None:
    """Another agent's controls are found; after it has gone the port is free."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        busy = port_free("127.0.0.1", port)

    assert (RED, GREEN) == (busy.verdict, port_free("127.0.0.1", port).verdict)


@pytest.mark.parametrize(("override", "status"), [((), 0), (("--set", "seed=x"), 4)])
def test_the_status_says_it_to_scripts(override: tuple[str, ...], status: int) -> None:
    """0 when nothing is red, 4 otherwise; with --json exactly one object is printed."""
    command = [sys.executable, "-m", "meva_runners.doctor", "--json", *override]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    told: dict[str, Any] = json.loads(done.stdout)

    assert (status, status == 0) == (done.returncode, told["healthy"])
    assert {"check", "verdict", "said", "remedy"} == set(told["findings"][0])


def answering(venue: VenueServer, account: dict[str, Any], *, late_ms: int = 0) -> Any:
    """Return a handler that answers as *venue* does, but for the *account* and a clock that is *late_ms* off."""

    async def answer(request: web.Request) -> web.Response:
        if request.path.endswith("/account"):
            return web.json_response(account)
        if request.path.endswith("/time"):
            return web.json_response({"serverTime": venue.exchange.now_ms() + late_ms})
        async with (
            ClientSession() as http,
            http.get(f"{venue.url}{request.path_qs}") as response,
        ):
            return web.Response(body=await response.read(), content_type="application/json")

    return answer


def test_a_kill_latch_left_behind_is_red_with_who_why_and_where(tmp_path: Path) -> None:
    """An agent that would start killed is not ready; before the first start nobody can have set it."""
    before = latch_off(tmp_path / "missing")
    off = latch_off(tmp_path)
    KillLatch(tmp_path / "kill").set("hung", "ann")
    left = latch_off(tmp_path)

    assert (GREEN, GREEN, RED) == (before.verdict, off.verdict, left.verdict)
    assert f"the kill latch is set (ann: hung): {tmp_path / 'kill'}" == left.said
    assert "`meva controls release` takes it off" in left.remedy
