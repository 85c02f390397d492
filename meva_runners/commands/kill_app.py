"""Kill an agent that may not answer: by its controls, or else by the latch and an own connection to the venue.

It needs nothing of the agent's process but the control folder that both know.
"""

from __future__ import annotations

import asyncio
import getpass
import importlib
import os
from collections.abc import Sequence
from pathlib import Path
from time import monotonic
from typing import Final

import click
from attrs import evolve, frozen

from meva_adapters.controls.access import has_tokens
from meva_adapters.controls.client import KILLED, LATCH_NAME, ControlsClient
from meva_adapters.controls.kill_latch import KillLatch, kill_from_outside
from meva_adapters.settings import load_settings
from meva_core.commands import CancelAllOrders
from meva_core.config.schema import AppConfig, Mode
from meva_core.errors import ConfigError, MevaError
from meva_core.events import Event, OrderCanceled, RequestFailed
from meva_core.signals.signal_engine import described
from meva_runners.exit_status import ORDERS_UNKNOWN
from meva_runners.trading.places import control_folder

# What an agent whose loop turns needs for an answer, many times over; the rest of a second is for the venue.
_ANSWER_S: Final = 0.25
_OUTSIDE: Final = "meva_runners.trading.outside_exchange"
_ROUNDS_MAX: Final = 20
_ROUND_S: Final = 0.5


@frozen
class Place:
    """Say where an agent's controls are, and its settings where they are known."""

    url: str
    folder: Path
    config: AppConfig | None


def place_of(
    url: str | None, folder: Path | None, env: str | None, files: Sequence[Path], overrides: Sequence[str]
) -> Place | None:
    """Return the place that the options of a command name, or `None` when they name none."""
    config = None
    if env is not None:
        config = load_settings(env, files=files, overrides=overrides, environ=os.environ).config
        url = url or f"http://127.0.0.1:{config.controls.port}"
        if folder is None:
            if not any(each.startswith("mode=") for each in overrides):  # Who names a mode means it.
                config = _started(config)
            folder = control_folder(config)
    if not url or not folder:
        return None
    return Place(url.rstrip("/"), folder, config)


def _started(config: AppConfig) -> AppConfig:
    """Return *config* in the mode in which its agent was started, where that is another one than it says.

    `paper` and its like say the mode themselves, so the settings of a running agent may name another.
    """
    if has_tokens(control_folder(config)):
        return config
    modes = [evolve(config, mode=mode) for mode in Mode]
    others = [each for each in modes if has_tokens(control_folder(each))]
    if len({control_folder(each) for each in others}) > 1:
        ways = "\n".join(f"  --set mode={each.mode.value}  {control_folder(each)}" for each in others)
        raise click.UsageError(
            f"Mode {config.mode.value} has not been started here, but others have. Say which one is meant:\n{ways}"
        )
    if not others:
        return config
    mode = others[0].mode.value
    click.echo(
        f"Mode {config.mode.value} has not been started here: asking the agent of mode {mode}, whose tokens are in "
        f"{control_folder(others[0])}.",
        err=True,
    )
    return others[0]


async def kill(place: Place, reason: str) -> tuple[int, str]:
    """Kill the agent; return the exit status and what was done."""
    if place.config is None:
        said = await ControlsClient(url=place.url, folder=place.folder).kill(reason=reason)
        return 0 if said == KILLED else ORDERS_UNKNOWN, said
    began = monotonic()
    client = ControlsClient(url=place.url, folder=place.folder, kill_deadline_s=_ANSWER_S)
    # What the venue is reached with is loaded while the agent may still answer.
    loading = asyncio.create_task(asyncio.to_thread(importlib.import_module, _OUTSIDE))
    said = await client.kill(reason=reason)
    if not KillLatch(place.folder / LATCH_NAME).is_set():
        return 0, said
    try:
        await loading
        status, said = await _cancel_from_outside(place.config, place.folder, reason)
    except Exception as error:  # noqa: BLE001 - whatever fails here, the latch is set, and that is said first.
        status, said = ORDERS_UNKNOWN, _out_of_reach(error)
    return status, f"{said} It took {monotonic() - began:.2f} s."


async def _cancel_from_outside(config: AppConfig, folder: Path, reason: str) -> tuple[int, str]:
    """Cancel every order of the agent over an own connection, until nothing of it is left or known to be."""
    from meva_runners.trading.outside_exchange import outside_exchange

    latch, actor, canceled = KillLatch(folder / LATCH_NAME), getpass.getuser(), 0
    failure = ""
    async with outside_exchange(config) as exchange:
        events = await kill_from_outside(latch, exchange, reason=reason, actor=actor)
        for _ in range(_ROUNDS_MAX):
            ended = sum(isinstance(event, OrderCanceled) for event in events)
            canceled += ended
            failure = _failure(events)
            if not failure and not ended:
                told = f"the kill latch is set, {canceled} orders cancelled, none is left."
                return 0, f"the agent did not answer: {told}"
            await asyncio.sleep(_ROUND_S if failure else 0)
            events = await exchange.cancel_all(CancelAllOrders(None, reason))
    told = f"the kill latch is set and {canceled} orders are cancelled, but not all is known: {failure}"
    return ORDERS_UNKNOWN, f"the agent did not answer: {told}. Look at the venue."


def _out_of_reach(error: Exception) -> str:
    """Say what is safe, then what is not known, and what to do about it."""
    match error:
        case ConfigError(problems=problems):
            why = " ".join(" ".join(problem.split()) for problem in problems)
        case MevaError() | OSError():
            why = str(error)
        case _:
            why = described(error)
    return (
        "the kill latch is set, no order leaves. The agent did not answer, and the venue could not be reached "
        f"from here: {why.rstrip('.')}. Cancel the agent's open orders at the venue; on paper they end with "
        "its process."
    )


def _failure(events: Sequence[Event]) -> str:
    return next((event.problem for event in events if isinstance(event, RequestFailed)), "")
