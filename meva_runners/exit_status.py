"""Turn whatever ends a command into one message and an exit status; no traceback reaches a user.

0 done, 1 failed, 2 wrong usage (click's), 3 configuration invalid, 4 not fit to start trading, 5 trading was halted
by a limit or a kill, 6 stopped with orders of unknown outcome, 130 interrupted.
"""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import click
from attrs import frozen

from meva_core.errors import ConfigError, MevaError, UnknownStrategyError, UnknownSymbolError
from meva_core.signals.signal_engine import described

FAILED: Final = 1
CONFIGURATION_INVALID: Final = 3
PREFLIGHT_FAILED: Final = 4
HALTED: Final = 5
ORDERS_UNKNOWN: Final = 6
INTERRUPTED: Final = 130


@frozen
class PreflightError(MevaError):
    """Report that something which trading needs is not in order; nothing was traded."""

    problem: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.problem} {self.remedy}"


_CONFIGURATION_ERRORS: Final = (ConfigError, UnknownStrategyError, UnknownSymbolError)


@contextmanager
def told(*, debug: bool) -> Iterator[None]:
    """Say what went wrong in the block on standard error, and exit with its status; *debug* adds the traceback."""
    try:
        yield
    except KeyboardInterrupt:
        click.echo("Interrupted. What was committed is kept.", err=True)
        _exit(INTERRUPTED, debug=debug)
    except BrokenPipeError:
        # Who read our output has gone. Point it elsewhere, or the interpreter complains when it flushes.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        _exit(FAILED, debug=debug)
    except MevaError as error:
        click.echo(f"{_heading(error)}{error}", err=True)
        _exit(_status_of(error), debug=debug)
    except OSError as error:
        place = f"{error.filename}: " if error.filename else ""
        click.echo(f"Error: {place}{error.strerror or error}", err=True)
        _exit(FAILED, debug=debug)
    except click.ClickException:
        raise
    except Exception as error:  # noqa: BLE001 - the last resort: a bug of ours, told in one sentence.
        click.echo(
            f"Internal error: {described(error)}. Run it again with --debug and report it, please.", err=True
        )
        _exit(FAILED, debug=debug)


def _status_of(error: MevaError) -> int:
    if isinstance(error, _CONFIGURATION_ERRORS):
        return CONFIGURATION_INVALID
    return PREFLIGHT_FAILED if isinstance(error, PreflightError) else FAILED


def _heading(error: MevaError) -> str:
    return "" if isinstance(error, ConfigError) else "Error: "


def _exit(status: int, *, debug: bool) -> None:
    if debug:
        traceback.print_exc()
    sys.exit(status)
