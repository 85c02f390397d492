"""Hand the many options of a command to it as one value; declare none of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

Option = Callable[[Callable[..., Any]], Callable[..., Any]]


def with_options(
    command: Callable[..., Any], options: Sequence[Option], into: Callable[..., Any]
) -> Callable[..., Any]:
    """Return *command* with *options*, which it gets as the one value that *into* makes of them."""

    def wrapped(**values: Any) -> Any:
        return command(into(**values))

    wrapped.__doc__ = command.__doc__
    for option in reversed(options):
        wrapped = option(wrapped)
    return wrapped
