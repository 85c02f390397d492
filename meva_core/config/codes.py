"""Name every fault a configuration can have, and how it is told; find none.

`MEANINGS` is the reference: a code keeps its meaning for ever, and a retired one is not used again.
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from enum import StrEnum
from typing import Final

from attrs import frozen


class Code(StrEnum):
    """Number the faults: 100 to 109 shape, 110 to 119 what is traded, 120 on secrets, venue and safety."""

    UNREADABLE = "CFG-100"
    MISSING = "CFG-101"
    WRONG_TYPE = "CFG-102"
    UNKNOWN_KEY = "CFG-103"
    CONTRADICTION = "CFG-104"
    NOT_A_CHOICE = "CFG-105"
    OUT_OF_RANGE = "CFG-106"
    DUPLICATE_KEY = "CFG-107"
    NO_PLACE = "CFG-108"
    BAD_NAME = "CFG-109"
    BAD_SYMBOL = "CFG-110"
    DUPLICATE = "CFG-111"
    UNKNOWN_SYMBOL = "CFG-112"
    NO_MARK = "CFG-113"
    OFF_GRID = "CFG-114"
    UNKNOWN_ZONE = "CFG-115"
    REFUSED_BY_STRATEGY = "CFG-116"
    PLAIN_SECRET = "CFG-122"  # noqa: S105 - the name of a fault.
    INSECURE_URL = "CFG-123"
    BAD_HOURS = "CFG-124"
    RECV_WINDOW = "CFG-130"
    NOT_ARMED = "CFG-140"
    CAN_WITHDRAW = "CFG-141"
    NO_ALERT_ROUTE = "CFG-142"
    WRONG_VENUE = "CFG-143"
    WRONG_MODE = "CFG-144"
    WRONG_ACCOUNT = "CFG-145"
    OTHER_SETTINGS = "CFG-152"
    CLOCK_OFFSET = "CFG-160"


MEANINGS: Final[dict[Code, str]] = {
    Code.UNREADABLE: "A file cannot be read, or is no YAML of the plain kind that configuration uses.",
    Code.MISSING: "A value that is needed is not there.",
    Code.WRONG_TYPE: "A value has the wrong type; nothing is converted silently.",
    Code.UNKNOWN_KEY: "A key is not known; it would have had no effect.",
    Code.CONTRADICTION: "Two limits contradict each other, so that no order could ever be allowed.",
    Code.NOT_A_CHOICE: "A value is not one of those that are allowed.",
    Code.OUT_OF_RANGE: "A number is outside its range.",
    Code.DUPLICATE_KEY: "A key stands twice in one mapping; one of the two would be lost silently.",
    Code.NO_PLACE: "A variable or `--set` names a place that does not exist, or carries no value.",
    Code.BAD_NAME: "A name has characters that names, ids or assets cannot have.",
    Code.BAD_SYMBOL: "A symbol is not of the form BASE/QUOTE.",
    Code.DUPLICATE: "Something is configured twice.",
    Code.UNKNOWN_SYMBOL: "A strategy names a symbol that is no configured instrument.",
    Code.NO_MARK: "An asset could not be valued in the reporting currency.",
    Code.OFF_GRID: "A quantity of an instrument is finer than its asset, or off its own grid.",
    Code.UNKNOWN_ZONE: "A time zone is not in the zone database.",
    Code.REFUSED_BY_STRATEGY: "A strategy refuses its parameters, or cannot be configured at all.",
    Code.PLAIN_SECRET: "A secret stands in the configuration, instead of a reference to it.",
    Code.INSECURE_URL: "An address is not encrypted, or is none.",
    Code.BAD_HOURS: "A time of day, or a span of hours, is not written as HH:MM, or as HH:MM-HH:MM.",
    Code.RECV_WINDOW: "The validity window of requests is too long to prove that an order was not placed.",
    Code.NOT_ARMED: "Real money was not armed, or for another account or other limits than those configured.",
    Code.CAN_WITHDRAW: "The key can withdraw; an agent's key must not.",
    Code.NO_ALERT_ROUTE: "Alerts would reach nobody, where somebody must be reached.",
    Code.WRONG_VENUE: "The mode and the venue do not fit together.",
    Code.WRONG_MODE: "The configuration is made for another mode than the command.",
    Code.WRONG_ACCOUNT: "The venue says that the key belongs to another account than the configured one.",
    Code.OTHER_SETTINGS: "A session was recorded with other settings, under which it may not be continued.",
    Code.CLOCK_OFFSET: "Our clock and the venue's differ by too much; orders would be refused, or taken too late.",
}


@frozen
class Problem:
    """State one fault: where, what was found, what is expected, what to do.

    *path* is the key path as `--set` takes it; *related* are other keys that the fault depends on. *place* is
    a file with line and column, a variable or an option, and is empty until a loader fills it in. *found*
    never holds a secret.
    """

    code: Code
    path: str
    found: str
    expected: str
    remedy: str
    related: tuple[str, ...] = ()
    place: str = ""

    def __str__(self) -> str:
        subject = f"{self.path}: " if self.path else ""
        place = (f"at {self.place}",) if self.place else ()
        sentence = f"{self.code} {subject}found {self.found}; expected {self.expected}"
        return "\n    ".join((sentence, *place, self.remedy))


def did_you_mean(word: str, known: Iterable[str], otherwise: str) -> str:
    """Return a sentence that offers the known word closest to *word*, or *otherwise* when none is close."""
    candidates = {name.casefold(): name for name in sorted(known)}
    close = get_close_matches(word.casefold(), candidates, n=1)
    return f"Did you mean {candidates[close[0]]}?" if close else otherwise
