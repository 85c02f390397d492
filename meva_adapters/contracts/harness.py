"""Define what the author of any other adapter writes: what is under test, made anew for every case."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Generic, TypeVar

from attrs import define

Subject = TypeVar("Subject")
H = TypeVar("H")


class Harness(ABC, Generic[Subject]):
    """Subclass the harness of a port, which derives from this one."""

    @abstractmethod
    def make(self) -> Subject:
        """Return a new adapter under test."""

    def close(self) -> None:
        """Clean up after the case."""


@define
class Bench(Generic[H, Subject]):
    """Hold a harness and what it made, for one case."""

    harness: H
    subject: Subject


@asynccontextmanager
async def made(harness: Any) -> AsyncIterator[Bench[Any, Any]]:
    """Make what *harness* is for, and clean up whatever happens."""
    try:
        yield Bench(harness, harness.make())
    finally:
        harness.close()
