"""Say what the story of one order holds, from what was seen to what was posted; find out nothing."""

from __future__ import annotations

from attrs import frozen

from meva_core.ops.report import Cell, Column, Table, Unit


@frozen
class Chapter:
    """Hold one part of the story: facts by name, a table, or both; *note* says what is to be known about it."""

    title: str
    facts: tuple[tuple[str, str], ...] = ()
    table: Table | None = None
    note: str = ""


@frozen
class OrderStory:
    """Hold the story of one order in the order in which it happened."""

    client_order_id: str
    headline: str
    source: str
    chapters: tuple[Chapter, ...]

    def chapter(self, title: str) -> Chapter:
        """Return one chapter; raise `KeyError` for one that is not there."""
        for chapter in self.chapters:
            if chapter.title == title:
                return chapter
        raise KeyError(title)


def story_table(key: str, columns: tuple[tuple[str, str, Unit], ...], rows: list[tuple[Cell, ...]]) -> Table:
    """Return a table of a chapter."""
    named = tuple(Column(name, label, unit) for name, label, unit in columns)
    return Table(key, "", named, tuple(rows), "Nothing.")
