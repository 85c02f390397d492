"""Keep a venue's dead-man switch armed until cancelled; decide nothing about orders.

It stays armed when this ends: whatever ended it, the venue then cancels what rests there.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final, NoReturn

from meva_core.errors import ConfigError, VenueRefusedError, VenueUnknownError
from meva_core.ports.exchange import DeadManSwitch

# Kraken advises a call each 15 to 30 seconds with a timeout of 60 ("CancelAllOrdersAfter").
TIMEOUT_S: Final = 60
EVERY_S: Final = 20.0
_TRIES_PER_TIMEOUT: Final = 3


async def keep_armed(
    switch: DeadManSwitch,
    *,
    on_trouble: Callable[[str], None],
    on_armed: Callable[[], None] | None = None,
    timeout_s: int = TIMEOUT_S,
    every_s: float = EVERY_S,
) -> NoReturn:
    """Arm *switch* every *every_s* seconds until cancelled, and tell *on_trouble* or *on_armed* of each try.

    Raises `NotSupported` at once where the venue has no such switch, and `ConfigError` where a lost call or two
    would let it fire.
    """
    if not 0 < every_s * _TRIES_PER_TIMEOUT <= timeout_s:
        problem = f"every {every_s} s with a timeout of {timeout_s} s. Call three times within the timeout."
        raise ConfigError((f"dead-man switch: {problem}",))
    while True:
        try:
            await switch.arm_dead_man_switch(timeout_s)
        except (VenueRefusedError, VenueUnknownError) as exc:
            on_trouble(f"the dead-man switch was not armed: {exc}")
        else:
            if on_armed is not None:
                on_armed()
        await asyncio.sleep(every_s)
