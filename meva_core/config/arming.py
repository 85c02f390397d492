"""Decide whether real money was armed: in words that name the account and what may be lost; arm nothing."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import Final

from meva_core.config.codes import Code, Problem
from meva_core.config.schema import AppConfig, Mode
from meva_core.model.money import plain

_WORDS: Final = 4


def phrase_of(config: AppConfig) -> str:
    """Return what must be said to trade real money as *config* says: account, largest order, largest daily loss."""
    risk = config.risk
    return f"LIVE {config.account} {plain(risk.max_notional_per_trade)} {plain(risk.daily_loss_limit)}"


def arming_problems(config: AppConfig, phrase: str) -> tuple[Problem, ...]:
    """Return why *phrase* does not arm *config*; nothing else arms it, and no variable can."""
    if _parts(phrase) == _parts(phrase_of(config)):
        return ()
    problem = Problem(
        Code.NOT_ARMED,
        "",
        found=f"--arm {phrase!r}" if phrase else "live trading without --arm",
        expected=f'--arm "{phrase_of(config)}"',
        remedy="Say the account, the largest order and the largest daily loss as configured, if you mean it.",
        related=("risk.max_notional_per_trade", "risk.daily_loss_limit"),
    )
    return (problem,)


def mode_problems(config: AppConfig, mode: Mode) -> tuple[Problem, ...]:
    """Return why a command for *mode* may not run *config*: the mode must be written down, not assumed."""
    if config.mode is mode:
        return ()
    problem = Problem(
        Code.WRONG_MODE,
        "mode",
        found=config.mode.value,
        expected=f"{mode.value}, for this command",
        remedy=f"Start it with an environment or a file whose mode is {mode.value}.",
    )
    return (problem,)


def _parts(phrase: str) -> tuple[str, str, Decimal, Decimal] | None:
    """Return the words of *phrase*, amounts as numbers: 100 and 100.00 are the same promise."""
    words = phrase.split()
    if len(words) != _WORDS:
        return None
    mode, account, order, loss = words
    try:
        return mode, account, Decimal(order), Decimal(loss)
    except InvalidOperation:
        return None
