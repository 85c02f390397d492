"""State how much Kraken lets an account ask and order, by how far it is verified; count nothing.

Source: Kraken's "API rate limits" and "Trading rate limits" of 2026; how fast the engine's counter falls beyond the
lowest tier is general knowledge, not confirmed in the documentation at hand.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from attrs import frozen

from meva_adapters.transport.decaying_budget import DecayingBudget

_RESERVE: Final = 3  # Of the REST counter, for urgent questions.


@frozen(kw_only=True)
class Tier:
    """Hold the two counters, each with its maximum and by how many thousandths it falls a second.

    The REST counter is per key, the engine's per pair; orders and cancels count in the engine's alone.
    """

    counter_max: int
    counter_decay_milli: int
    engine_max: int
    engine_decay_milli: int

    @property
    def dead_man_s_min(self) -> int:
        """Return the shortest time-out of the dead-man switch that leaves questions half of the REST counter's fall.

        It is armed three times within the time-out, and each time counts one.
        """
        return -(-2 * 3 * 1_000 // self.counter_decay_milli)

    def budget(self) -> DecayingBudget:
        """Return a fresh budget of the REST counter."""
        return DecayingBudget(limit=self.counter_max, reserve=_RESERVE, decay_milli=self.counter_decay_milli)


TIERS: Final[Mapping[str, Tier]] = {
    "starter": Tier(counter_max=15, counter_decay_milli=330, engine_max=60, engine_decay_milli=1_000),
    "intermediate": Tier(counter_max=20, counter_decay_milli=500, engine_max=125, engine_decay_milli=2_340),
    "pro": Tier(counter_max=20, counter_decay_milli=1_000, engine_max=180, engine_decay_milli=3_750),
}
