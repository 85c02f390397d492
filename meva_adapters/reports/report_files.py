"""Write a report's files so that each is whole or not there; lay out none of them."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Collection
from pathlib import Path
from typing import Final

from meva_adapters.reports.html_report import html_report
from meva_adapters.reports.report_json import report_json
from meva_adapters.reports.report_parquet import write_parquet
from meva_core.ops.report import Report

FORMATS: Final = ("html", "json", "parquet")


def write_report(report: Report, directory: Path, formats: Collection[str] = FORMATS) -> list[Path]:
    """Write *report* to *directory* as `report.html`, `report.json` and one Parquet file per table; return the files.

    They are made beside it and moved into place one after the other, over those of an earlier report.
    """
    directory.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".report-", dir=directory) as name:
        made = Path(name)
        if "html" in formats:
            (made / "report.html").write_text(html_report(report), encoding="utf-8")
        if "json" in formats:
            (made / "report.json").write_bytes(report_json(report) + b"\n")
        if "parquet" in formats:
            write_parquet(report, made)
        written = []
        for path in sorted(made.iterdir()):
            target = directory / path.name
            os.replace(path, target)  # noqa: PTH105 - atomic, and says so.
            written.append(target)
        return written
