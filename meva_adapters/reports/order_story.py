"""Tell the story of one order at a terminal and as HTML; find out nothing."""

from __future__ import annotations

import io
from typing import TextIO

from rich.console import Console, ConsoleOptions, RenderResult
from rich.table import Table as RichTable
from rich.text import Text

from meva_adapters.reports.figure_text import cell_text
from meva_adapters.reports.html_report import NUMERIC, environment
from meva_adapters.reports.terminal import console_for, printable
from meva_core.ops.order_story import Chapter, OrderStory
from meva_core.ops.report import Table


def print_story(story: OrderStory, stream: TextIO) -> None:
    """Write *story* to *stream*."""
    console = console_for(stream)
    console.print(Text(f"ORDER  {printable(story.client_order_id)}", style="bold"))
    console.print(Text(printable(story.headline)))
    for chapter in story.chapters:
        console.print(_Shown(chapter))


def story_text(story: OrderStory) -> str:
    """Return *story* as plain text."""
    stream = io.StringIO()
    print_story(story, stream)
    return stream.getvalue()


def story_html(story: OrderStory) -> str:
    """Return *story* as a piece of HTML that brings its own style."""
    return environment().get_template("story.html.j2").render(story=story)


class _Shown:
    """Lay out one chapter for the console's width."""

    def __init__(self, chapter: Chapter) -> None:
        self._chapter = chapter

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        chapter = self._chapter
        yield Text()
        yield Text(chapter.title, style="bold cyan")
        if chapter.note:
            yield Text(chapter.note, style="italic")
        if chapter.facts:
            facts = RichTable(box=None, show_header=False, pad_edge=False)
            facts.add_column(style="dim", no_wrap=True)
            facts.add_column(overflow="fold")
            for name, text in chapter.facts:
                facts.add_row(Text(printable(name)), Text(printable(text)))
            yield facts
        if chapter.table is not None and (chapter.table.rows or not chapter.note):
            yield _rich(chapter.table)


def _rich(table: Table) -> RichTable | Text:
    if not table.rows:
        return Text(table.empty)
    shown = RichTable(box=None, pad_edge=False, header_style="dim")
    for column in table.columns:
        shown.add_column(column.label, overflow="fold", justify="right" if column.unit in NUMERIC else "left")
    for row in table.rows:
        cells = zip(row, table.columns, strict=True)
        shown.add_row(*(Text(cell_text(cell, column.unit)) for cell, column in cells))
    return shown
