"""A quantity is cut down to whole lots once, and found by its text from then on."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from meva_core.agent.strategy_slot import WholeLots
from meva_core.model.money import quantise_down

AMOUNTS = st.decimals(0, 10**9, allow_nan=False, allow_infinity=False, places=None)
STEPS = st.sampled_from(["0.00001", "0.002", "0.1", "1", "25"])


@given(STEPS, st.lists(AMOUNTS, max_size=100))
def test_what_is_remembered_is_what_would_be_calculated(step: str, amounts: list[Decimal]) -> None:
    """Equal to the last digit, zeros included: the text enters the decision chain."""
    lot_size = Decimal(step)
    whole_lots = WholeLots(lot_size)

    for amount in [*amounts, *amounts]:
        expected = str(quantise_down(amount, lot_size))
        quantity = whole_lots[str(amount)]
        assert (expected, expected) == (str(quantity), str(whole_lots[expected])), (
            "what is whole stays as it is"
        )


def test_memory_is_bounded() -> None:
    """A strategy that asks for ever new sizes fills no memory."""
    whole_lots = WholeLots(Decimal("0.001"))

    for size in range(1_000):
        assert Decimal(size) == whole_lots[str(size)]

    assert len(whole_lots) <= 65
