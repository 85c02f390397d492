"""Say for every alert what the agent did about it and what a person is to do; decide and deliver nothing.

`docs/runbook.md` has a section for each of these codes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from attrs import frozen


@frozen
class Guide:
    """Hold what follows from an alert: the agent's *effect*, and the person's *remedy*. Both are whole sentences."""

    effect: str
    remedy: str


_CANCELLED: Final = "No new order leaves, every order of ours is cancelled, positions stay."
_WAITS: Final = "No new order leaves, resting orders stay."
_TRADES_ON: Final = "The agent trades on."

GUIDES: Final[Mapping[str, Guide]] = {
    "kill_switch": Guide(
        _CANCELLED, "Find out who killed it and why, look at the venue, then `meva controls release`."
    ),
    "daily_loss": Guide(
        _CANCELLED, "Read the report of the day before you resume: nothing has to be decided tonight."
    ),
    "drawdown": Guide(
        _CANCELLED, "Decide whether the strategy still deserves its money; resume only with a reason."
    ),
    "runaway_orders": Guide(
        _CANCELLED, "Look at the last decisions: a strategy repeats itself. Mend it before you resume."
    ),
    "internal_error": Guide(
        _CANCELLED, "Keep log and session file, look at the venue, and report the fault; do not just restart."
    ),
    "venue_mismatch": Guide(
        _CANCELLED, "Compare `meva controls status` with the venue; trade again when you know what differed."
    ),
    "circuit_breaker": Guide(
        "No new order leaves until the cool-down has passed, resting orders stay.",
        "Read the venue's last refusal: balance, filters, or a market that is closed.",
    ),
    "operator_pause": Guide(_WAITS, "`meva controls resume` when the reason is gone."),
    "reconciling": Guide(_WAITS, "Nothing, if it ends by itself; else look whether the venue answers."),
    "clock_offset": Guide(_WAITS, "Mend the time synchronisation of the machine."),
    "journal_stalled": Guide(
        "No new order leaves until the disk has answered, resting orders stay; cancels wait for no disk.",
        "Look at the machine's disk: full, failing, or used up by others.",
    ),
    "venue_anomaly": Guide(
        "What was not understood changed nothing; what may hang on it is asked for at the venue.",
        "Look up its kind in docs/operate.md; if it comes again and again, pause and update the agent.",
    ),
    "stale_data": Guide(
        "No order leaves on old prices, the stream is connected anew.",
        "Look at the network and at the venue's status page; a market without trades may just be quiet.",
    ),
    "broken_book": Guide(
        "No order leaves for this market, new books are asked for ever more rarely.",
        "Compare with the venue's own page; pause if it shows a sound book, for then something on the way is broken.",
    ),
    "market_halted": Guide(
        "No order leaves for this market.", "Read the venue's news; start again if its steps have changed."
    ),
    "market_rules": Guide(
        "The new sizes are followed at once.", "Take them over into `exchange.instruments` when you can."
    ),
    "order_unknown": Guide(
        "It counts as filled and as open, and nothing that adds risk leaves for its market.",
        "Look for it at the venue by its client order id; do not send it again.",
    ),
    "venue_no_answer": Guide(
        "Questions and cancels are repeated, orders are not.",
        "Look at the network and at the venue's status page; cancel at the venue what must not rest.",
    ),
    "dead_man_switch": Guide(
        "It arms the switch again and again; what the venue cancels meanwhile, the next comparison finds.",
        "Look at the network and at the venue's status page: after `exchange.dead_man_s` nothing of ours rests there.",
    ),
    "strategy_failed": Guide(
        "It is switched off, its orders and positions stay.", "Mend it, and close by hand what must not stay."
    ),
    "surplus_negative": Guide(_TRADES_ON, "Look at costs and results of the month: `meva report --day`."),
    "principal_at_risk": Guide(
        "The exposure limit is lowered in proportion.", "Raise it again, or put capital back, as you decide."
    ),
    "transfer_proposed": Guide(
        "Nothing moves without an answer.", "`meva controls approve` or `reject`, or the page's buttons."
    ),
    "transfer_refused": Guide(
        "The movement is not booked.",
        "Settle or correct it by hand: the account has moved without the books.",
    ),
    "transfer_not_instructed": Guide(
        "It is tried again at the next start.", "Make room on the disk, then start the agent again."
    ),
    "cost_refused": Guide("The cost is not booked.", "Tell it again with what the refusal asks for."),
    "digest_lost": Guide(_TRADES_ON, "Read `meva controls alerts`: what waited was not told."),
}


def with_guide(code: str, text: str, since: str) -> str:
    """Return *text* with when its cause began, what was done, what to do, and where more is written."""
    guide = GUIDES.get(code)
    told = f"{text.rstrip('.')}. Since {since}."
    if guide is None:
        return told
    return f"{told} {guide.effect} To do: {guide.remedy} (docs/runbook.md#{code})"
