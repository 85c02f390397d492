"""Remember what operators were answered: a repeated request changes nothing, restarts included."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any, Final

from attrs import astuple, frozen

from meva_core.events import OperatorEvent

# An operator repeats within minutes; beyond so many requests the oldest answer is forgotten.
ANSWERS_KEPT: Final = 1_000


@frozen
class GivenAnswer:
    """Hold one answer: empty *refusal* where it was granted, the gate before and after, and its epoch after."""

    refusal: str
    gate_before: str
    gate_after: str
    gate_epoch: int


class GivenAnswers:
    """Find an answer by what was asked and under which request id; the id alone names no wish."""

    def __init__(self) -> None:
        self._answers: OrderedDict[str, GivenAnswer] = OrderedDict()

    def find(self, event: OperatorEvent) -> GivenAnswer | None:
        """Return what the same request was answered, if it is remembered."""
        return self._answers.get(_key(event))

    def remember(self, event: OperatorEvent, answer: GivenAnswer) -> None:
        """Keep the first answer to *event*."""
        self._answers.setdefault(_key(event), answer)
        if len(self._answers) > ANSWERS_KEPT:
            self._answers.popitem(last=False)

    def snapshot(self) -> list[list[Any]]:
        """Return the memory as plain values, oldest first."""
        return [[key, *astuple(answer)] for key, answer in self._answers.items()]

    def restore(self, memory: list[list[Any]]) -> None:
        """Take over what `snapshot` returned."""
        self._answers = OrderedDict((key, GivenAnswer(*answer)) for key, *answer in memory)


def _key(event: OperatorEvent) -> str:
    return f"{type(event).__name__} {event.request_id}"
