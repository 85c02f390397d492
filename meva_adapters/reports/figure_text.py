"""Write numbers of a report for people: rounded, with their unit, the same in every place; calculate nothing."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Final

from meva_adapters.reports.terminal import printable
from meva_core.model.market import NS_PER_SECOND
from meva_core.ops.report import Cell, Figure, Unit

NOTHING: Final = "–"  # noqa: RUF001 - a dash, as in any printed table.
_MINUS: Final = "−"  # noqa: RUF001 - the sign that is as wide as a digit.
_SPANS: Final = (
    (86_400 * NS_PER_SECOND, "d"),
    (3_600 * NS_PER_SECOND, "h"),
    (60 * NS_PER_SECOND, "min"),
    (NS_PER_SECOND, "s"),
    (1_000_000, "ms"),
    (1_000, "µs"),
)


def figure_text(figure: Figure) -> str:
    """Return a figure as text, or why there is none."""
    return f"n/a: {figure.missing}" if figure.value is None else cell_text(figure.value, figure.unit)


def cell_text(value: Cell, unit: Unit) -> str:
    """Return *value* as text; a missing one is a dash, and no character can forge what stands around it."""
    if value is None:
        return NOTHING
    if isinstance(value, str):
        return printable(value)
    match unit:
        case Unit.COUNT:
            return _signed(f"{value:,}")
        case Unit.MONEY:
            return money_text(value)
        case Unit.AMOUNT:
            return _signed(_trimmed(f"{value:,f}"))
        case Unit.SHARE:
            return share_text(float(value))
        case Unit.BPS:
            return _signed(f"{float(value):,.2f} bps")
        case Unit.RATIO:
            return _signed(f"{float(value):,.2f}")
        case Unit.TIME_NS:
            return time_text(int(value))
        case Unit.SPAN_NS:
            return span_text(int(value))
        case Unit.YES_NO:
            return "yes" if value else "no"
        case Unit.TEXT:
            return str(value)


def money_text(value: float | Decimal) -> str:
    """Return money with cents, and below one with as many digits as say something."""
    size = abs(float(value))
    digits = 2 if size >= 1 or not size else 4 if size >= 0.01 else 8  # noqa: PLR2004 - of any currency.
    return _signed(f"{value:,.{digits}f}")


def share_text(value: float, *, sign: str = "") -> str:
    """Return a fraction as per cent; small ones with more digits."""
    per_cent = 100 * value
    digits = 2 if abs(per_cent) >= 0.1 or not per_cent else 4  # noqa: PLR2004 - below a tenth two digits say little.
    return _signed(f"{per_cent:{sign},.{digits}f} %")


def time_text(time_ns: int) -> str:
    """Return a time as UTC, to the second, or to the millisecond where it has any."""
    seconds, rest_ns = divmod(time_ns, NS_PER_SECOND)
    text = f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M:%S}"
    return f"{text}.{rest_ns // 1_000_000:03}" if rest_ns else text


def span_text(span_ns: int) -> str:
    """Return a length of time in the largest unit that it holds."""
    for unit_ns, unit in _SPANS:
        if abs(span_ns) >= unit_ns:
            return f"{span_ns / unit_ns:.1f} {unit}"
    return f"{span_ns} ns"


def _signed(text: str) -> str:
    if not text.startswith("-"):
        return text
    # What was rounded to nothing has no sign.
    return text.replace("-", _MINUS, 1) if any(digit in text for digit in "123456789") else text[1:]


def _trimmed(text: str) -> str:
    """Return *text* without the zeros that a quantity carries from its grid."""
    return text.rstrip("0").rstrip(".") if "." in text else text
