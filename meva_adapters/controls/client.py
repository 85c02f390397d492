"""Ask a running agent's controls from another process; when it does not answer a kill, set the latch instead."""

from __future__ import annotations

import asyncio
import getpass
import re
import uuid
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import aiohttp
from attrs import frozen

from meva_adapters.controls.access import Scope, read_token
from meva_adapters.controls.kill_latch import KillLatch
from meva_core.errors import MevaError
from meva_core.portfolio.treasury_service import booked_already

LATCH_NAME: Final = "kill"
KILLED: Final = "killed: the agent answered, and cancels every order of its own"
# The agent takes ten requests a second of each token; a minute of waiting means that others use them up.
_WAIT_S: Final = 0.5
_WAITS_MAX: Final = 120
# Some thousands of lines, or some minutes of looking: nobody reads more of one order.
_PAGES_MAX: Final = 60
_UNSAFE: Final = re.compile(r"[^A-Za-z0-9_.@-]")
_SCOPES: Final = {
    "pause": Scope.STOP,
    "kill": Scope.STOP,
    "acknowledge": Scope.STOP,
    "resume": Scope.ARM,
    "release": Scope.ARM,
    "budget": Scope.ARM,
    "cost": Scope.BUDGET,
    "transfer": Scope.ARM,
    "settlement": Scope.ARM,
    "correction": Scope.ARM,
}


@frozen
class ControlsError(MevaError):
    """Report that the agent refused, or did not answer; *problem* says which."""

    problem: str
    status: int = 0  # That of HTTP, where there was an answer.

    def __str__(self) -> str:
        return self.problem


@frozen(kw_only=True)
class ControlsClient:
    """Speak to the controls at *url*, with the tokens of *folder*. *deadline_s* bounds each answer."""

    url: str
    folder: Path
    deadline_s: float = 5.0
    kill_deadline_s: float = 0.8  # What is left of a second is for the latch.

    async def read(self, path: str) -> Any:
        """Return the JSON of `/v1/<path>`."""
        status, answer = await self._call("GET", path, Scope.READ, None, self.deadline_s)
        if status == 200 or "problem" not in answer:  # noqa: PLR2004 - done, or a probe that says no.
            return answer
        raise ControlsError(f"{status}: {answer['problem']}", status)

    async def why(self, client_order_id: str) -> dict[str, Any]:
        """Return the story of an order, as much as some dozen answers hold; *next* is not 0 where it goes on."""
        path = f"orders/{quote(client_order_id, safe='')}/why"
        told = dict(await self.read(path))
        for _ in range(_PAGES_MAX - 1):
            if not told["next"]:
                break
            page = await self._patiently(f"{path}?after={told['next']}")
            told = {"decisions": told["decisions"] + page["decisions"], "next": page["next"]}
        return told

    async def ask(self, wish: str, *, reason: str, **fields: Any) -> dict[str, Any]:
        """Carry *wish*; what goes toward risk is asked with the gate's epoch as it is now. Raise when refused."""
        actor = _UNSAFE.sub("_", getpass.getuser())
        message = {"request_id": f"cli-{uuid.uuid4()}", "actor": actor, "reason": reason} | fields
        if wish in {"resume", "release", "budget"}:
            message["expected_epoch"] = (await self.read("status"))["gate"]["epoch"]
        status, answer = await self._call("POST", wish, _SCOPES[wish], message, self.deadline_s)
        if status != 200:  # noqa: PLR2004 - the status that says done.
            raise ControlsError(answer.get("refusal") or answer.get("problem") or f"status {status}", status)
        if wish == "release":
            KillLatch(self.folder / LATCH_NAME).clear()
        return dict(answer)

    async def tell_cost(self, cost_id: str, *, reason: str, **fields: str) -> None:
        """Have a cost booked, now or before; wait where requests come faster than the agent takes them."""
        for _ in range(_WAITS_MAX):
            try:
                await self.ask("cost", reason=reason, request_id=cost_id, **fields)
            except ControlsError as error:
                if error.status == HTTPStatus.TOO_MANY_REQUESTS:
                    await asyncio.sleep(_WAIT_S)
                    continue
                if error.problem != booked_already(cost_id):
                    raise
            return
        raise ControlsError(f"{self.url} takes no more requests: others keep it busy")

    async def _patiently(self, path: str) -> Any:
        """Read *path*, also where pages are asked for faster than the agent takes requests."""
        for _ in range(_WAITS_MAX):
            try:
                return await self.read(path)
            except ControlsError as error:
                if error.status != HTTPStatus.TOO_MANY_REQUESTS:
                    raise
                await asyncio.sleep(_WAIT_S)
        raise ControlsError(f"{self.url} takes no more requests: others keep it busy")

    async def kill(self, *, reason: str) -> str:
        """Kill by the API, or by the latch when no answer comes; return which of the two did it."""
        actor = _UNSAFE.sub("_", getpass.getuser())
        message = {"request_id": f"cli-{uuid.uuid4()}", "actor": actor, "reason": reason}
        try:
            status, _ = await self._call("POST", "kill", Scope.STOP, message, self.kill_deadline_s)
        except ControlsError:
            status = 0
        if status == 200:  # noqa: PLR2004 - the status that says done.
            return KILLED
        KillLatch(self.folder / LATCH_NAME).set(reason, actor)
        return "the agent did not answer: the kill latch is set and no order leaves; cancel open ones at the venue"

    async def _call(
        self, method: str, path: str, scope: Scope, message: dict[str, Any] | None, deadline_s: float
    ) -> tuple[int, Any]:
        headers = {"Authorization": f"Bearer {read_token(self.folder, scope)}"}
        timeout = aiohttp.ClientTimeout(total=deadline_s)
        try:
            async with (
                aiohttp.ClientSession(timeout=timeout, headers=headers) as http,
                http.request(method, f"{self.url}/v1/{path}", json=message) as response,
            ):
                return response.status, await response.json()
        except (aiohttp.ClientError, TimeoutError) as error:
            raise ControlsError(f"{self.url} does not answer: {str(error) or 'too late'}") from error
