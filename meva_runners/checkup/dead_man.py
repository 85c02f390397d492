"""Say whether orders are cancelled when the agent falls silent, and what that takes with it."""

from __future__ import annotations

from meva_core.config.schema import AppConfig
from meva_runners.checkup.finding import Finding, green
from meva_runners.composition import capabilities_of

_WHAT_IT_TAKES = "it takes every order of the account, so the account must be the agent's alone"


def switch_state(config: AppConfig) -> str:
    """Return in a few words how the dead-man switch of the configured venue stands in a live agent."""
    if not capabilities_of(config).dead_man_switch:
        return "no dead-man switch"
    timeout_s = config.exchange.dead_man_s
    return f"dead-man switch after {timeout_s} s" if timeout_s else "dead-man switch off"


def switch_meaning(config: AppConfig) -> str:
    """Return what follows from how it stands; an empty text where the venue has none."""
    if not capabilities_of(config).dead_man_switch:
        return ""
    if timeout_s := config.exchange.dead_man_s:
        return f"on, {timeout_s} s after the agent's last word: {_WHAT_IT_TAKES}"
    return (
        "off: orders rest at the venue when the agent falls silent. "
        f"exchange.dead_man_s=60 turns it on; then {_WHAT_IT_TAKES}"
    )


def switch_findings(config: AppConfig) -> tuple[Finding, ...]:
    """Return what a person should know of it, where the venue has one."""
    meaning = switch_meaning(config)
    return (green("dead-man switch", meaning),) if meaning else ()
