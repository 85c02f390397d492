"""A person at the page sees which money is at stake, and stops the agent with two clicks, in a real browser."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Page, async_playwright, expect

from meva_adapters.controls.access import Scope, read_token
from meva_core.events import (
    AlertAcknowledgeRequested,
    KillRequested,
    StreamConnected,
    StreamLost,
    TransferAnswerRequested,
)
from meva_core.ports.controls import BudgetView, CallsView, VenueView
from tests.integration.controls.controls_case import Client, Desk, served

CHROMIUM = Path("/usr/bin/chromium")
SCREENSHOTS = Path("meva-runs/screenshots")
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

# A crowded machine may need longer than the five seconds that are usual for what a page shows at once.
expect.set_options(timeout=20_000)

pytestmark = [
    pytest.mark.skipif(not CHROMIUM.exists(), reason="needs Chromium: apt-get install chromium"),
    pytest.mark.enable_socket,
]


USE = VenueView(
    "kraken",
    (
        BudgetView("request counter", 19, 20, 3, 0),
        BudgetView("engine counter BTC/USDT", 12, 180, 16, 11_400),
    ),
    CallsView(200, 3, Decimal("41.2"), Decimal("310.0"), 1_500),
)


@asynccontextmanager
async def opened(tmp_path: Path, **context: Any) -> AsyncIterator[tuple[Page, Desk, Client, list[str]]]:
    """Yield the page, opened with a token, on an agent that has traded; and the addresses that it asked."""
    asked: list[str] = []
    async with served(tmp_path, stream_every_s=0.1) as (desk, client), async_playwright() as playwright:
        for second in range(90):
            desk.trade(2_995_000 + 3_000 * (second * 7 % 11) - second * 120)
            desk.desk.status()
        desk.trade()
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        try:
            page = await browser.new_page(**context)
            page.on("request", lambda request: asked.append(request.url))
            page.on("pageerror", lambda error: asked.append(f"error: {error}"))
            page.on(
                "console", lambda line: asked.append(f"error: {line.text}") if line.type == "error" else None
            )
            await page.goto(client.url("/"))
            await page.fill("#actor", "ann")
            await page.fill("#token", read_token(client.folder, Scope.ARM))
            await page.click("text=Open")
            await expect(page.locator("#gate-state")).to_have_text("OPEN")
            yield page, desk, client, asked
        finally:
            await browser.close()


async def shoot(page: Page, name: str) -> None:
    """Keep a picture of the page for people to look at."""
    await page.screenshot(path=SCREENSHOTS / f"{name}.png", full_page=True)


async def test_two_clicks_kill_the_agent(tmp_path: Path) -> None:
    """The click asks for the account, the confirmation kills: journaled with the name, orders off, the page says so."""
    async with opened(tmp_path, viewport={"width": 1280, "height": 900}) as (page, desk, _, asked):
        await shoot(
            page,
            "dark-open"
            if await page.evaluate("matchMedia('(prefers-color-scheme: dark)').matches")
            else "light-open",
        )
        await page.click("#kill")
        before = desk.desk.status().gate.state
        await shoot(page, "confirm")
        await page.fill("#alias", "main")
        await page.fill("#reason", "prices look wrong")
        await page.click("#confirm-yes")
        await expect(page.locator("#gate-state")).to_have_text("KILLED")
        await expect(page.locator("#markers")).to_contain_text("prices look wrong")
        await expect(page.locator("#pause")).to_be_disabled()
        await shoot(page, "killed")
        kills = [entry.event for entry in desk.session.entries() if isinstance(entry.event, KillRequested)]

    assert "OPEN" == before
    assert ["ann by arm-token"] == [kill.actor for kill in kills]
    assert () == desk.venue.open_orders()
    assert [] == [line for line in asked if line.startswith("error")]


async def test_a_kill_names_the_account_that_it_stops(tmp_path: Path) -> None:
    """Without the account's name, or with another's, nothing is sent; other wishes ask for no name."""
    async with opened(tmp_path) as (page, desk, _, asked):
        await page.click("#kill")
        await expect(page.locator("#alias-label")).to_have_text("Type main to confirm")
        for typed in ("", "other"):
            await page.fill("#alias", typed)
            await page.click("#confirm-yes")
            await expect(page.locator("#confirm-problem")).to_contain_text("Type main")
        await shoot(page, "kill-asks")
        sent = [line for line in asked if line.endswith("/v1/kill")]
        await page.click("#confirm-no")
        await page.click("#pause")
        await expect(page.locator("#alias-label")).to_be_hidden()
        gate = desk.desk.status().gate.state

    assert [] == sent
    assert "OPEN" == gate


async def test_a_transfer_that_waits_is_shown_and_answered(tmp_path: Path) -> None:
    """Proposed, it has two buttons; the answer is journaled with its author, and the line says what is next."""
    async with opened(tmp_path) as (page, desk, _, _):
        await expect(page.locator("#transfers")).to_have_text("No transfer.")
        book = desk.process.agent.services.treasury.transfers
        book.propose("surplus-1", asset="USDT", amount=Decimal("40.50"), time_ns=desk.now_ns)
        await expect(page.locator("#transfers")).to_contain_text("surplus-1: 40.5 USDT waits for your answer")
        await shoot(page, "transfer")
        await page.click("#transfers >> text=Reject")
        await expect(page.locator("#confirm-text")).to_contain_text(
            "40.5 USDT (surplus-1) stay where they are"
        )
        await page.fill("#reason", "not this month")
        await page.click("#confirm-yes")
        await expect(page.locator("#transfers")).to_contain_text("rejected")
        await expect(page.locator("#transfers button")).to_have_count(0)
        answers = [
            entry.event
            for entry in desk.session.entries()
            if isinstance(entry.event, TransferAnswerRequested)
        ]

    assert [("surplus-1", False, "ann by arm-token")] == [
        (answer.transfer_id, answer.approved, answer.actor) for answer in answers
    ]


async def test_a_person_pauses_and_goes_on(tmp_path: Path) -> None:
    """Resuming needs a reason; without one nothing is sent."""
    async with opened(tmp_path) as (page, desk, _, _):
        await page.click("#pause")
        await page.click("#confirm-yes")
        await expect(page.locator("#gate-state")).to_have_text("PAUSED")
        await page.click("#resume")
        await page.click("#confirm-yes")
        await expect(page.locator("#confirm-problem")).to_contain_text("Say why")
        paused = desk.desk.status().gate.state
        await page.fill("#reason", "all is well")
        await page.click("#confirm-yes")
        await expect(page.locator("#gate-state")).to_have_text("OPEN")

    assert "PAUSED" == paused


async def test_everything_shown_comes_from_this_machine(tmp_path: Path) -> None:
    """The page asks no other host, and no address holds the token."""
    async with opened(tmp_path) as (page, _, client, asked):
        await expect(page.locator("#mode")).to_have_text("replay")
        token = read_token(client.folder, Scope.ARM)

    assert {client.url("")} == {
        "/".join(line.split("/")[:3]) for line in asked if not line.startswith("data:")
    }
    assert not [line for line in asked if token in line]


@pytest.mark.parametrize(
    ("scheme", "width"), [("dark", 1280), ("light", 1280), ("dark", 390), ("light", 390)]
)
async def test_the_page_fits_every_screen(scheme: str, width: int, tmp_path: Path) -> None:
    """Nothing is wider than a phone; the buttons are large enough for a thumb; the charts are drawn."""
    context = {"color_scheme": scheme, "viewport": {"width": width, "height": 900}}
    async with opened(tmp_path, **context) as (page, desk, _, _):
        desk.venue_use = USE
        desk.give(StreamConnected(desk.now_ns, "market"))
        await expect(page.locator("#orders tr").nth(1)).to_be_visible()
        await expect(page.locator("#budgets meter")).to_have_count(2)
        wide = await page.evaluate("document.documentElement.scrollWidth")
        box = await page.locator("#kill").bounding_box()
        drawn = await page.evaluate(
            "['equity', 'price'].map((id) => document.getElementById(id).getContext('2d')"
            ".getImageData(0, 0, 300, 150).data.some((byte) => byte > 0))"
        )
        await shoot(page, f"{scheme}-{width}")

    assert wide <= width
    assert box is not None
    assert box["height"] >= 48
    assert [True, True] == drawn


async def test_lost_contact_is_impossible_to_miss(tmp_path: Path) -> None:
    """A page that hears nothing for three seconds lies under a veil and calls its state unknown."""
    async with opened(tmp_path) as (page, _, _, _):
        hidden = await page.locator("#veil").is_hidden()
        await page.evaluate(
            "Object.defineProperty(stateOf, 'heard', {value: Date.now() - 9000, writable: false})"
        )
        await expect(page.locator("#link")).to_contain_text("NO CONTACT")
        await expect(page.locator("#veil")).to_contain_text("NO DATA since")
        await expect(page.locator("#state")).to_have_text("unknown")
        classes = await page.locator("body").get_attribute("class")
        await shoot(page, "no-data")

    assert hidden
    assert "stale" == classes


async def test_a_kill_says_what_it_will_do_and_needs_no_mouse(tmp_path: Path) -> None:
    """The question counts orders and positions; Enter on the button, the account's name and Enter are enough."""
    async with opened(tmp_path) as (page, desk, _, _):
        resting = len(desk.desk.status().orders)
        await page.locator("#kill").focus()
        await page.keyboard.press("Enter")
        await expect(page.locator("#confirm-text")).to_contain_text(f"Cancels {resting} orders of ours")
        await expect(page.locator("#alias")).to_be_focused()
        await page.keyboard.type("Main ")
        await page.keyboard.press("Enter")
        await expect(page.locator("#gate-state")).to_have_text("KILLED")
        await expect(page.locator("#confirm")).to_be_hidden()

    assert resting > 1


async def test_an_order_tells_its_whole_story(tmp_path: Path) -> None:
    """A click on its name shows the signal, the verdict and what became of it; Escape closes it."""
    async with opened(tmp_path) as (page, _, _, _):
        await page.locator("#orders .link").last.click()
        for kind in ("signal", "risk", "submit", "update"):
            await expect(page.locator("#story-lines")).to_contain_text(kind)
        await shoot(page, "story")
        await page.keyboard.press("Escape")
        await expect(page.locator("#story")).to_be_hidden()


async def test_health_shows_what_decisions_rest_on(tmp_path: Path) -> None:
    """Ages, clock and reconnects stand under the verdict; the oldest data stands at the top of every screen."""
    async with opened(tmp_path) as (page, desk, _, _):
        desk.now_ns += 1_500_000_000
        await expect(page.locator("#measures")).to_contain_text("age of BTC/USDT data1.5 s")
        await expect(page.locator("#measures")).to_contain_text("clock offset0 ms")
        await expect(page.locator("#age")).to_have_text("oldest data 1.5 s")
        await shoot(page, "health")


async def test_decisions_are_filtered_by_kind(tmp_path: Path) -> None:
    """Only what was chosen is shown."""
    async with opened(tmp_path) as (page, _, _, _):
        await page.select_option("#kind", "risk")
        kinds = await page.locator("#decisions i").all_text_contents()

    assert {"risk"} == set(kinds)


async def test_an_alert_is_seen_by_somebody(tmp_path: Path) -> None:
    """The button asks why, the answer is journaled, and the line names who has seen it."""
    async with opened(tmp_path) as (page, desk, client, _):
        await client.post("/v1/kill", Scope.STOP)
        await page.locator("#alerts button").first.click()
        await page.fill("#reason", "on it")
        await page.click("#confirm-yes")
        await expect(page.locator("#alerts")).to_contain_text("seen by ann by arm-token")
        written = [entry.event for entry in desk.session.entries()]

    assert ["kill_switch"] == [
        event.code for event in written if isinstance(event, AlertAcknowledgeRequested)
    ]


async def test_the_exposure_limit_is_lowered_and_never_raised_beyond_the_configured_one(
    tmp_path: Path,
) -> None:
    """The old value is shown beside the field; the agent's refusal is shown as it is."""
    async with opened(tmp_path) as (page, desk, _, _):
        await page.click("#budget")
        await expect(page.locator("#confirm-text")).to_contain_text("It is 100,000.00 USDT now")
        await page.fill("#amount", "999999999")
        await page.fill("#reason", "quiet markets")
        await page.click("#confirm-yes")
        await expect(page.locator("#confirm-problem")).to_contain_text("configured")
        await page.click("#confirm-no")
        await page.click("#budget")
        await page.fill("#amount", "50000")
        await page.fill("#reason", "careful")
        await page.click("#confirm-yes")
        await expect(page.locator("#limits")).to_contain_text("50,000.00")

    assert 50_000 == desk.desk.status().risk_budget


async def test_older_decisions_are_loaded_and_none_is_missing_or_twice(tmp_path: Path) -> None:
    """The page holds the newest; a press adds a page of older ones, back to the first, while new ones come."""
    async with opened(tmp_path) as (page, desk, client, asked):
        shown = await page.locator("#decisions li").count()
        _, whole = await client.get("/v1/decisions?limit=500")
        for _ in range(10):
            await page.locator("#older").click()
            await expect(page.locator("#older")).to_be_enabled()
            desk.trade()
            if await page.locator("#older").is_hidden():
                break
        _, now = await client.get("/v1/decisions?limit=500")
        lines = now["decisions"]
        await expect(page.locator("#decisions li")).to_have_count(len(lines))
        texts = await page.locator("#decisions i").all_text_contents()
        await shoot(page, "older")

    assert shown < len(whole["decisions"]) < len(lines)
    assert [line["kind"] for line in reversed(lines)] == texts
    assert [] == [line for line in asked if line.startswith("error")]


async def test_an_order_of_which_nothing_is_known_says_so(tmp_path: Path) -> None:
    """In the words of the API."""
    async with opened(tmp_path) as (page, _, _, _):
        await page.evaluate("explain('NOPE')")
        await expect(page.locator("#story-lines")).to_contain_text("knows no order of that name")


async def test_the_venues_budgets_and_its_answers_are_shown(tmp_path: Path) -> None:
    """Each budget with used and limit, what is held back in words, and how fast the venue answers."""
    async with opened(tmp_path) as (page, desk, _, asked):
        hidden = await page.locator("#venue").is_hidden()
        desk.venue_use = USE
        await expect(page.locator("#budgets")).to_contain_text("request counter19 of 20 · 95 %")
        await expect(page.locator("#budgets")).to_contain_text("12 of 180 · 7 % · HELD BACK for 12 s")
        await expect(page.locator("#calls")).to_contain_text("answer, median41.2 ms")
        await expect(page.locator("#calls")).to_contain_text("answer, 99 of 100310 ms")
        await expect(page.locator("#calls")).to_contain_text("no answer, of the last 2003")
        await expect(page.locator("#calls")).to_contain_text("last answer1.5 s ago")
        named = await page.locator("#budgets meter").first.get_attribute("aria-label")
        await shoot(page, "venue")

    assert hidden
    assert "request counter" == named
    assert [] == [line for line in asked if line.startswith("error")]


async def test_a_stream_that_is_down_is_named_at_the_top(tmp_path: Path) -> None:
    """In words, whatever the colour; so is the agent."""
    async with opened(tmp_path) as (page, desk, _, _):
        desk.give(StreamConnected(desk.now_ns, "market"))
        desk.give(StreamConnected(desk.now_ns, "user"))
        await expect(page.locator("#streams")).to_have_text("● 2 of 2 streams up")
        desk.give(StreamLost(desk.now_ns, "user", "cut"))
        await expect(page.locator("#streams")).to_have_text("● user DOWN")
        await expect(page.locator("#account")).to_have_text("meva-1 · account main")
        await shoot(page, "stream-down")


async def test_every_signal_leads_to_its_order_and_refusals_stand_apart(tmp_path: Path) -> None:
    """A row of a decision that became an order has the order's name to press; the filter knows refusals."""
    async with opened(tmp_path) as (page, desk, client, _):
        await client.post("/v1/pause")
        desk.trade()
        await page.select_option("#kind", "signal")
        await page.locator("#decisions .link").first.click()
        await expect(page.locator("#story-lines")).to_contain_text("signal")
        await page.keyboard.press("Escape")
        await page.select_option("#kind", "refusal")
        await expect(page.locator("#decisions")).to_contain_text("risk refused")
        kinds = await page.locator("#decisions i").all_text_contents()

    assert {"refusal"} == set(kinds)
