"""Page, JSON and Parquet show the same report; the page needs no network, runs nothing, and forges nothing."""

from __future__ import annotations

import re
import shutil
import sys
from decimal import Decimal
from pathlib import Path

import orjson
import pandas as pd
import polars as pl
import pytest
from attrs import evolve
from playwright.sync_api import sync_playwright
from pyarrow import parquet

from meva_adapters.reports.figure_text import cell_text
from meva_adapters.reports.frames import Frame
from meva_adapters.reports.html_report import html_report, notebook_style
from meva_adapters.reports.report_files import write_report
from meva_adapters.reports.report_json import report_object
from meva_adapters.reports.report_parquet import arrow_table
from meva_adapters.reports.svg_charts import Series, line_chart
from meva_core.ops.report import Column, Report, Table, Unit
from meva_runners.sessions.report import report_of

sys.path.insert(0, str(Path(__file__).parent))
from recorded import recorded

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
HOSTILE = "<script>alert(1)</script>\"'>\x1b[31m"


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Report:
    """Return the report of a run on one symbol."""
    path = tmp_path_factory.mktemp("session") / "s.db"
    recorded(path, rows=2_000, symbols=1)
    return report_of(path)


def test_json_holds_what_the_report_holds(report: Report) -> None:
    """Figures with units and reasons, money as exact text, tables as columns."""
    told = orjson.loads(orjson.dumps(report_object(report)))

    assert {
        key: (None if figure.value is None else str(figure.value)) for key, figure in report.figures().items()
    }.keys() == told["figures"].keys()
    assert report.figures()["end_equity"].value == Decimal(told["figures"]["end_equity"]["value"])
    assert "fewer than 30 days" == told["figures"]["sharpe"]["missing"]
    assert len(report.curve.times_ns) == len(told["curve"]["equity"])
    assert [str(value) for value in report.fills.column("price")] == told["tables"]["fills"]["columns"][
        "price"
    ]
    assert 1 == told["schema"]


def test_parquet_holds_every_fill_and_order_exactly(report: Report, tmp_path: Path) -> None:
    """Two independent readers see the same money."""
    write_report(report, tmp_path)
    fills = parquet.read_table(tmp_path / "fills.parquet")
    by_polars = pl.read_parquet(tmp_path / "fills.parquet")
    by_pandas = pd.read_parquet(tmp_path / "orders.parquet")

    assert report.fills.column("fee") == fills.column("fee").to_pylist()
    assert sum(map(Decimal, map(str, report.fills.column("fee_value")))) == by_polars["fee_value"].sum()
    assert report.orders.column("client_order_id") == by_pandas["client_order_id"].tolist()
    assert "UTC" == by_polars.schema["time_ns"].time_zone  # type: ignore[attr-defined]


def test_amounts_keep_every_digit_that_fits_and_are_rounded_where_one_does_not() -> None:
    """Exponents, signs and gaps come out as they are; of a 19th digit behind the point, half goes to even."""
    exact = [Decimal("1E-18"), None, Decimal("-12345678901234567890.000000000000000001"), Decimal("1E+3")]
    finer = [Decimal("0.0000000000000000005"), None, Decimal("0.0000000000000000015"), Decimal(-7)]
    columns = (Column("exact", "Exact", Unit.MONEY), Column("finer", "Finer", Unit.AMOUNT))
    table = arrow_table(Table("t", "T", columns, tuple(zip(exact, finer, strict=True)), "None."))

    assert exact == table["exact"].to_pylist()
    assert [Decimal(0), None, Decimal("2E-18"), Decimal(-7)] == table["finer"].to_pylist()


def test_files_are_replaced_whole(report: Report, tmp_path: Path) -> None:
    """A second report leaves one of each, and nothing half written."""
    first = write_report(report, tmp_path)
    second = write_report(report, tmp_path)

    assert first == second
    assert sorted(path.name for path in first) == sorted(path.name for path in tmp_path.iterdir())


def test_the_page_refers_to_nothing_outside_and_runs_nothing(report: Report) -> None:
    """No script, no link, no source; a content policy forbids what nobody wrote."""
    page = html_report(report)

    assert [] == re.findall(r"<script|\bsrc=|href=|url\(|@import|https?://|\bon\w+=", page)
    assert "default-src 'none'" in page


def test_what_others_wrote_is_shown_and_not_run(report: Report) -> None:
    """A strategy's name, a venue's text and an operator's reason are text on every page."""
    origin = evolve(report.origin, strategies=(HOSTILE,), account=HOSTILE, parameters=((HOSTILE, HOSTILE),))
    fills = evolve(report.fills, rows=tuple((row[0], HOSTILE, *row[2:]) for row in report.fills.rows))
    page = html_report(evolve(report, origin=origin, warnings=(HOSTILE,), title=HOSTILE, fills=fills))

    assert "<script" not in page
    assert "&lt;script&gt;" in page
    assert "\x1b" not in Frame(fills)._repr_html_()


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_opens_in_a_browser_without_a_word(report: Report, tmp_path: Path, scheme: str) -> None:
    """In light and dark: no message, no request, charts drawn, no wider than its window, text against its ground."""
    [page_file] = write_report(report, tmp_path, ("html",))
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM,
            args=["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"],
        )
        page = browser.new_page(viewport={"width": 1240, "height": 900}, color_scheme=scheme)  # type: ignore[arg-type]
        said: list[str] = []
        page.on("console", lambda message: said.append(message.text))
        page.on("request", lambda request: said.append(request.url) if "file:" not in request.url else None)
        page.goto(page_file.as_uri())
        charts = page.locator("svg.chart").count()
        wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
        browser.close()

    assert [] == said
    assert charts >= 6
    assert 0 == wide
    assert ("rgb(246, 247, 249)" if scheme == "light" else "rgb(14, 17, 22)") == ground


def test_frames_share_the_memory_of_their_columns(report: Report) -> None:
    """Polars and pandas read the buffers that Arrow made; decimals stay decimals."""
    frame = Frame(report.fills)
    address = frame.arrow["slippage_bps"].chunk(0).buffers()[1].address
    as_pandas = frame.pandas()["slippage_bps"].array.__arrow_array__().chunk(0).buffers()[1].address
    as_polars = frame.polars()["slippage_bps"].to_arrow().buffers()[1].address

    assert address == as_pandas
    assert address == as_polars
    assert frame.arrow.num_rows == frame.narwhals().shape[0] == len(frame)
    assert report.fills.column("price") == frame.polars()["price"].to_list()


def test_a_chart_keeps_its_spikes_however_many_points_it_has() -> None:
    """Of a hundred thousand values the one spike is drawn, in a few kilobytes."""
    values = [1.0] * 100_000
    values[54_321] = 9.0
    chart = line_chart(
        [Series(times_ns=range(100_000), values=values, name="equity")], title="t", shown=str, height=100
    )
    [path] = re.findall(r'class="line equity" d="([^"]+)"', chart)
    heights = {float(point.split()[1]) for point in path.removeprefix("M").split(" L")}

    assert 2 == len(heights)
    assert len(chart) < 60_000


@pytest.mark.parametrize(
    ("cell", "unit", "text"),
    [
        (Decimal("-1234.5"), Unit.MONEY, "\N{MINUS SIGN}1,234.50"),
        (Decimal("0.000012345"), Unit.MONEY, "0.00001234"),
        (Decimal("-0.0000000001"), Unit.MONEY, "0.00000000"),
        (Decimal("0.010000"), Unit.AMOUNT, "0.01"),
        (0.1234, Unit.SHARE, "12.34 %"),
        (0.00012, Unit.SHARE, "0.0120 %"),
        (1_500_000_000, Unit.SPAN_NS, "1.5 s"),
        (1_700_000_000_000_000_000, Unit.TIME_NS, "2023-11-14 22:13:20"),
        (None, Unit.MONEY, "\N{EN DASH}"),
        (True, Unit.YES_NO, "yes"),
    ],
)
def test_numbers_read_alike_everywhere(cell: Decimal | float | None, unit: Unit, text: str) -> None:
    """One writer for pages, terminals and notebooks."""
    assert text == cell_text(cell, unit)


def test_the_style_of_a_notebook_reaches_no_other_cell() -> None:
    """Every rule stands under the class of our own output."""
    rules = re.findall(r"([^{}@]+)\{[^{}]*\}", re.sub(r"@media[^{]*\{", "", str(notebook_style())))
    selectors = [each.strip() for rule in rules for each in rule.split(",") if each.strip()]

    assert selectors
    assert [] == [each for each in selectors if not each.startswith(".meva")]
