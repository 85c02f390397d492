"""Keep a venue's dead-man switch armed while the agent runs, and take it off after a stop in good order.

Nothing of it is journaled: no decision hangs on it, so a replay needs none. What the switch does when it fires comes
back as the venue's own word (cancels on the stream of our orders, or orders that a comparison misses), and that is.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from meva_adapters.exchange.dead_man_switch import keep_armed
from meva_core.commands import AlertLevel, RaiseAlert
from meva_core.errors import VenueRefusedError, VenueUnknownError
from meva_core.ports.exchange import DeadManSwitch
from meva_runners.exit_status import PreflightError

DEAD_MAN_SWITCH: Final = "dead_man_switch"
# Two lost calls in a row do not let it fire: with the advised 60 s, every 20 s ("CancelAllOrdersAfter" of Kraken).
REFRESHES: Final = 3


class DeadManGuard:
    """Hold *switch* at *timeout_s*. *on_alert* hears of trouble once, and once that it is over.

    The switch hangs on the agent's own loop: a loop that hangs refreshes nothing, and the venue cancels what rests.
    """

    def __init__(
        self, switch: DeadManSwitch, timeout_s: int, *, on_alert: Callable[[RaiseAlert], None]
    ) -> None:
        self._switch = switch
        self._timeout_s = timeout_s
        self._on_alert = on_alert
        self._armed_s = 0.0
        self._in_trouble = False

    async def begin(self) -> None:
        """Arm it before the first order; raise `PreflightError` where that cannot be, and leave it off then."""
        try:
            await self._switch.arm_dead_man_switch(self._timeout_s)
        except (VenueRefusedError, VenueUnknownError) as error:
            if isinstance(error, VenueUnknownError):  # It may be armed, and nobody would refresh it.
                await self.end()
            remedy = (
                "Give the key the right to cancel orders, or trade without the switch: exchange.dead_man_s=0."
            )
            raise PreflightError(f"the dead-man switch was not armed: {error}.", remedy) from error
        self._note_armed()

    async def keep(self) -> None:
        """Arm it again and again until cancelled."""
        every_s = self._timeout_s / REFRESHES
        await asyncio.sleep(every_s)
        await keep_armed(
            self._switch,
            on_trouble=self._note_trouble,
            on_armed=self._note_armed,
            timeout_s=self._timeout_s,
            every_s=every_s,
        )

    async def end(self) -> None:
        """Take it off, for nothing is left that it should cancel, or what is left shall stay."""
        try:
            await self._switch.arm_dead_man_switch(0)
        except (VenueRefusedError, VenueUnknownError) as error:
            self._note_trouble(f"the dead-man switch was not taken off: {error}")

    def _note_trouble(self, problem: str) -> None:
        if not self._in_trouble:
            self._in_trouble = True
            text = f"{problem}. {self._timeout_s} s after it was last armed the venue cancels every order"
            self._tell(AlertLevel.HIGH, text)

    def _note_armed(self) -> None:
        now_s = asyncio.get_running_loop().time()
        silent_s, self._armed_s = now_s - self._armed_s, now_s
        if self._in_trouble:
            self._in_trouble = False
            fired = "it may have fired meanwhile" if silent_s >= self._timeout_s else "it has not fired"
            self._tell(AlertLevel.INFO, f"the dead-man switch is armed again after {silent_s:.0f} s: {fired}")

    def _tell(self, level: AlertLevel, text: str) -> None:
        self._on_alert(RaiseAlert(level, DEAD_MAN_SWITCH, "", text, {}))
