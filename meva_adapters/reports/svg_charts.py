"""Draw the charts of a report as inline SVG: no script, no font, no network; colours are the page's.

Every chart is drawn once, in CSS classes, so that one file reads in light, in dark and on paper. Points that fall on
one column of the drawing are joined to its extremes, so no spike is lost and a million points weigh no more than a
thousand.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from math import ceil, floor, isfinite, log10
from typing import Final

from attrs import frozen
from markupsafe import Markup, escape

from meva_adapters.reports.figure_text import time_text
from meva_core.model.market import NS_PER_SECOND

WIDTH: Final = 1_000
LEFT: Final = 78
RIGHT: Final = 14
TOP: Final = 10
BOTTOM: Final = 26
# A column of the drawing holds up to four points: enough to show every spike at twice the usual resolution.
_COLUMN: Final = 2.0
_HOVERS: Final = 120
_MINUTE: Final = 60
_HOUR: Final = 3_600
_DAY: Final = 86_400
_STEPS_S: Final = (
    1, 5, 15, 30, _MINUTE, 5 * _MINUTE, 15 * _MINUTE, 30 * _MINUTE, _HOUR, 3 * _HOUR, 6 * _HOUR, 12 * _HOUR, _DAY,
    2 * _DAY, 7 * _DAY, 14 * _DAY, 30 * _DAY, 91 * _DAY, 182 * _DAY, 365 * _DAY,
)  # fmt: skip

Shown = Callable[[float], str]


@frozen(kw_only=True)
class Marker:
    """Mark one point of a line: *name* is its CSS class, *title* what a pointer over it shows."""

    time_ns: int
    value: float
    name: str
    title: str


@frozen(kw_only=True)
class Series:
    """Hold one line: times in rising order, values, its CSS class, and its name for people."""

    times_ns: Sequence[int]
    values: Sequence[float]
    name: str
    label: str = ""


@frozen
class _Scale:
    """Map values to the drawing."""

    low: float
    high: float
    width: int
    height: int

    @property
    def plot(self) -> int:
        """Return the width of the plot between the axes."""
        return self.width - LEFT - RIGHT

    def y(self, value: float) -> float:
        span = self.high - self.low or 1.0
        return TOP + (self.height - TOP - BOTTOM) * (1 - (value - self.low) / span)


def line_chart(
    series: Sequence[Series],
    *,
    title: str,
    shown: Shown,
    width: int = WIDTH,
    height: int = 260,
    zero: bool = False,
    area: bool = False,
    markers: Sequence[Marker] = (),
) -> Markup:
    """Return lines over time; *zero* keeps zero in view, *area* fills the first line down to the axis."""
    drawn = [each for each in series if each.times_ns]
    if not drawn:
        return Markup()
    first_ns = min(each.times_ns[0] for each in drawn)
    last_ns = max(each.times_ns[-1] for each in drawn)
    values = [value for each in drawn for value in each.values] + ([0.0] if zero else [])
    scale = _Scale(*_range(values), width, height)
    across = _across(first_ns, last_ns, scale.plot)
    parts = [_open(title, scale), *_grid(scale, shown), *_time_axis(first_ns, last_ns, across, scale)]
    for number, each in enumerate(drawn):
        path = _path(each, across, scale)
        if area and number == 0:
            base = scale.y(max(scale.low, min(0.0, scale.high)) if zero else scale.low)
            begin, end = across(each.times_ns[0]), across(each.times_ns[-1])
            parts.append(
                f'<path class="area {each.name}" d="{path} L{end:.1f} {base:.1f} L{begin:.1f} {base:.1f} Z"/>'
            )
        parts.append(f'<path class="line {each.name}" d="{path}"/>')
    parts += (
        f'<circle class="{marker.name}" cx="{across(marker.time_ns):.1f}" cy="{scale.y(marker.value):.1f}" r="3">'
        f"<title>{escape(marker.title)}</title></circle>"
        for marker in markers
    )
    if not markers:
        parts += _hovers(drawn, across, shown, scale)
    return Markup("".join([*parts, "</svg>"]))  # noqa: S704 - numbers and escaped text alone.


def bar_chart(
    bins: Sequence[tuple[float, float, int]],
    *,
    title: str,
    shown: Shown,
    width: int = WIDTH,
    height: int = 240,
) -> Markup:
    """Return a histogram; bars below zero have a class of their own."""
    if not bins:
        return Markup()
    scale = _Scale(0.0, float(max(count for _, _, count in bins)), width, height)
    low, high = bins[0][0], bins[-1][1]
    span = high - low or 1.0
    step = scale.plot / len(bins)
    parts = [
        _open(title, scale),
        *_grid(scale, lambda value: f"{value:,.0f}" if value == round(value) else ""),
    ]
    for number, (start, stop, count) in enumerate(bins):
        top = scale.y(count)
        kind = "loss" if (start + stop) / 2 < 0 else "gain"
        parts.append(
            f'<rect class="bar {kind}" x="{LEFT + number * step + 0.8:.1f}" y="{top:.1f}" width="{step - 1.6:.1f}"'
            f' height="{max(0.0, height - BOTTOM - top):.1f}" rx="1.5"><title>'
            f"{escape(shown(start))} to {escape(shown(stop))}: {count:,}</title></rect>"
        )
    for tick in _ticks(low, high, max(2, width // 160)):
        x = LEFT + scale.plot * (tick - low) / span
        parts.append(
            f'<text class="tick" x="{x:.1f}" y="{height - 8}" text-anchor="middle">{escape(shown(tick))}</text>'
        )
    return Markup("".join([*parts, "</svg>"]))  # noqa: S704 - numbers and escaped text alone.


def waterfall_chart(
    steps: Sequence[tuple[str, float, bool]],
    *,
    title: str,
    shown: Shown,
    width: int = WIDTH,
    height: int = 250,
) -> Markup:
    """Return steps (label, amount, whether it is a total): each begins where the one before ended."""
    levels: list[tuple[str, float, float, str, float]] = []
    level = 0.0
    for label, amount, is_total in steps:
        begin = 0.0 if is_total else level
        level = amount if is_total else level + amount
        kind = "total" if is_total else "gain" if amount >= 0 else "loss"
        levels.append((label, begin, level, kind, amount))
    scale = _Scale(
        *_range([0.0, *(each for _, begin, end, _, _ in levels for each in (begin, end))]), width, height
    )
    step = scale.plot / max(1, len(levels))
    parts = [_open(title, scale), *_grid(scale, shown)]
    for number, (label, begin, end, kind, amount) in enumerate(levels):
        x, top, foot = LEFT + number * step, scale.y(max(begin, end)), scale.y(min(begin, end))
        parts.append(
            f'<rect class="bar {kind}" x="{x + step * 0.14:.1f}" y="{top:.1f}" width="{step * 0.72:.1f}"'
            f' height="{max(1.0, foot - top):.1f}" rx="2"><title>{escape(label)}: {escape(shown(amount))}</title>'
            f"</rect>"
            f'<text class="value" x="{x + step / 2:.1f}" y="{max(TOP + 9, top - 5):.1f}" text-anchor="middle">'
            f"{escape(shown(amount))}</text>"
            f'<text class="tick" x="{x + step / 2:.1f}" y="{height - 8}" text-anchor="middle">{escape(label)}</text>'
        )
        if number + 1 < len(levels):
            y = scale.y(end)
            parts.append(f'<path class="link" d="M{x + step * 0.86:.1f} {y:.1f} H{x + step * 1.14:.1f}"/>')
    return Markup("".join([*parts, "</svg>"]))  # noqa: S704 - numbers and escaped text alone.


def spark_line(values: Sequence[float], *, width: int = 220, height: int = 44) -> Markup:
    """Return a line without axes, for a cell or a card."""
    known = [value for value in values if isfinite(value)]
    if len(known) < 2:  # noqa: PLR2004 - one point is no line.
        return Markup()
    low, high = min(known), max(known)
    span = high - low or 1.0
    step = max(1, len(known) // width)
    points = known[::step]
    places = " ".join(
        f"{width * number / max(1, len(points) - 1):.1f},{2 + (height - 4) * (1 - (value - low) / span):.1f}"
        for number, value in enumerate(points)
    )
    return Markup(  # noqa: S704 - numbers alone.
        f'<svg class="spark" viewBox="0 0 {width} {height}" role="img" aria-label="equity">'
        f'<polyline class="line equity" points="{places}"/></svg>'
    )


def _open(title: str, scale: _Scale) -> str:
    return (
        f'<svg class="chart" viewBox="0 0 {scale.width} {scale.height}" role="img" aria-label="{escape(title)}">'
        f"<title>{escape(title)}</title>"
    )


def _range(values: Sequence[float]) -> tuple[float, float]:
    """Return a range around *values* with a little room."""
    low, high = min(values), max(values)
    room = (high - low) * 0.06 or abs(high) * 0.01 or 1.0
    return (low if low == 0 else low - room), (high if high == 0 else high + room)


def _across(first_ns: int, last_ns: int, plot: int) -> Callable[[int], float]:
    span = max(1, last_ns - first_ns)
    return lambda time_ns: LEFT + plot * (time_ns - first_ns) / span


def _grid(scale: _Scale, shown: Shown) -> Iterator[str]:
    for tick in _ticks(scale.low, scale.high, max(2, scale.height // 55)):
        y = scale.y(tick)
        kind = "axis" if tick == 0 else "grid"
        yield f'<path class="{kind}" d="M{LEFT} {y:.1f} H{scale.width - RIGHT}"/>'
        yield f'<text class="tick" x="{LEFT - 8}" y="{y + 3.5:.1f}" text-anchor="end">{escape(shown(tick))}</text>'


def _time_axis(first_ns: int, last_ns: int, across: Callable[[int], float], scale: _Scale) -> Iterator[str]:
    span_s = max(1, (last_ns - first_ns) // NS_PER_SECOND)
    labels = scale.width // 105  # A label such as `02 Mar 12:00` takes some 80.
    step_s = next((step for step in _STEPS_S if span_s / step <= labels), _STEPS_S[-1])
    form = _time_form(step_s, span_s)
    foot, right = scale.height - BOTTOM, scale.width - RIGHT
    second = -(-first_ns // (step_s * NS_PER_SECOND)) * step_s
    while second * NS_PER_SECOND <= last_ns:
        x = across(second * NS_PER_SECOND)
        label = f"{datetime.fromtimestamp(second, UTC):{form}}"
        anchor = "end" if x > right - 30 else "start" if x < LEFT + 20 else "middle"
        yield f'<path class="grid" d="M{x:.1f} {TOP} V{foot}"/>'
        yield f'<text class="tick" x="{x:.1f}" y="{foot + 18}" text-anchor="{anchor}">{label}</text>'
        second += step_s


def _time_form(step_s: int, span_s: int) -> str:
    """Return how times on an axis are written, by how far apart they are."""
    if step_s < _MINUTE:
        return "%H:%M:%S"
    if span_s <= _DAY:
        return "%H:%M"
    return "%d %b %H:%M" if step_s < _DAY else "%d %b %y"


def _ticks(low: float, high: float, count: int) -> list[float]:
    """Return round numbers between *low* and *high*, some *count* of them."""
    span = high - low
    if span <= 0 or not isfinite(span):
        return [low]
    rough = span / count
    power = 10.0 ** floor(log10(rough))
    step = next((power * factor for factor in (1, 2, 2.5, 5) if power * factor >= rough), power * 10)
    first, last = ceil(low / step - 1e-9), floor(high / step + 1e-9)
    return [number * step for number in range(first, last + 1)]


def _path(series: Series, across: Callable[[int], float], scale: _Scale) -> str:
    """Return the line, joined per column to its first, lowest, highest and last point."""
    points: list[tuple[float, float]] = []
    column: list[tuple[float, float]] = []
    place = -1
    for time_ns, value in zip(series.times_ns, series.values, strict=True):
        x = across(time_ns)
        here = int((x - LEFT) / _COLUMN)
        if here != place and column:
            points += _extremes(column)
            column = []
        place = here
        column.append((x, value))
    points += _extremes(column)
    return "M" + " L".join(f"{x:.1f} {scale.y(value):.1f}" for x, value in points)


def _extremes(column: list[tuple[float, float]]) -> list[tuple[float, float]]:
    if len(column) <= 4:  # noqa: PLR2004 - nothing to leave out.
        return column
    low = min(range(len(column)), key=lambda place: column[place][1])
    high = max(range(len(column)), key=lambda place: column[place][1])
    return [column[place] for place in sorted({0, low, high, len(column) - 1})]


def _hovers(
    series: Sequence[Series], across: Callable[[int], float], shown: Shown, scale: _Scale
) -> Iterator[str]:
    """Yield invisible columns that show time and values under a pointer, without a script."""
    leading = series[0]
    step = max(1, len(leading.times_ns) // _HOVERS)
    places = range(0, len(leading.times_ns), step)
    width = scale.plot / max(1, len(places))
    height = scale.height - TOP - BOTTOM
    for place in places:
        time_ns = leading.times_ns[place]
        told = " ".join(
            f"{each.label} {shown(each.values[place])}".strip()
            for each in series
            if place < len(each.values) and each.times_ns[place] == time_ns
        )
        x = across(time_ns)
        yield (
            f'<rect class="hover" x="{x - width / 2:.1f}" y="{TOP}" width="{width:.1f}" height="{height}">'
            f"<title>{time_text(time_ns)} UTC  {escape(told)}</title></rect>"
        )
