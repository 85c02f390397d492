"""Name every failure by what the caller does next; decide nothing and log nothing."""

from __future__ import annotations

from attrs import frozen


class MevaError(Exception):
    """Group every error that this library raises on purpose."""


@frozen
class ConfigError(MevaError):
    """Report a configuration that must be mended before a restart.

    *problems* holds every fault found, one text each; none of them holds a secret.
    """

    problems: tuple[str, ...]

    def __str__(self) -> str:
        count = len(self.problems)
        heading = f"Configuration invalid: {count} problem{'s' if count != 1 else ''}"
        return "\n".join((heading, *(f"  {problem}" for problem in self.problems)))


@frozen
class DataError(MevaError):
    """Report input data that cannot be used, with the place and what to do about it.

    *source* is a file or stream name, *line* the one-based line or row (0 when there is none).
    """

    source: str
    line: int
    problem: str
    remedy: str

    def __str__(self) -> str:
        place = f"{self.source}, line {self.line}" if self.line else self.source
        return f"{place}: {self.problem} {self.remedy}"


@frozen
class OffGridError(MevaError):
    """Report a price or quantity that is no whole multiple of the instrument's step."""

    symbol: str
    name: str
    value: object
    step: object

    def __str__(self) -> str:
        return f"{self.symbol}: {self.name} {self.value} is not a multiple of {self.step}"


@frozen
class MissingMarkError(MevaError):
    """Report a valuation that needs a mark which no event has given yet. A missing mark is never zero."""

    asset: str
    reporting_currency: str

    def __str__(self) -> str:
        return (
            f"no mark to value {self.asset} in {self.reporting_currency}: "
            f"configure an instrument {self.asset}/{self.reporting_currency} and feed its market data"
        )


@frozen
class UnknownSymbolError(MevaError):
    """Report a symbol that no configured instrument carries."""

    symbol: str
    known: tuple[str, ...]

    def __str__(self) -> str:
        known = ", ".join(self.known) or "none"
        remedy = "Name one of these, or add it to exchange.instruments."
        return f"unknown symbol {self.symbol!r}; configured: {known}. {remedy}"


@frozen
class UnknownStrategyError(MevaError):
    """Report a strategy name that the registry does not hold; *suggestion* is the nearest known one."""

    name: str
    known: tuple[str, ...]
    suggestion: str = ""

    def __str__(self) -> str:
        hint = f" Did you mean {self.suggestion!r}?" if self.suggestion else ""
        known = ", ".join(self.known) or "none"
        return f"unknown strategy {self.name!r}; known: {known}, or give module:Class.{hint}"


@frozen
class StrategyError(MevaError):
    """Report a strategy that raised, or returned what is no signal; the cause is chained."""

    strategy: str
    symbol: str
    problem: str

    def __str__(self) -> str:
        return f"strategy {self.strategy} on {self.symbol}: {self.problem}"


@frozen
class IllegalTransitionError(MevaError):
    """Report an order report that the declared life cycle does not allow."""

    client_order_id: str
    status: str
    report: str

    def __str__(self) -> str:
        return f"order {self.client_order_id}: report {self.report} is impossible in status {self.status}"


@frozen
class IdempotencyConflict(MevaError):  # noqa: N818 - the name that the specification gives it.
    """Report one idempotency key used with two different payloads; nothing was sent."""

    idem_key: str
    stored_payload_hash: str
    offered_payload_hash: str

    def __str__(self) -> str:
        return (
            f"idempotency key {self.idem_key} already belongs to payload {self.stored_payload_hash}, "
            f"now offered with {self.offered_payload_hash}"
        )


@frozen
class VenueRefusedError(MevaError):
    """Report a venue's definite refusal: nothing was placed, and nothing will be."""

    venue: str
    code: str
    message: str

    def __str__(self) -> str:
        return f"{self.venue} refused: {self.code} {self.message}"


@frozen
class VenueUnknownError(MevaError):
    """Report a venue call whose outcome is not known: it may have happened."""

    venue: str
    operation: str
    problem: str

    def __str__(self) -> str:
        return f"{self.venue} {self.operation}: outcome unknown ({self.problem})"


@frozen
class NotSupported(MevaError):  # noqa: N818 - the word that the contract of every adapter uses.
    """Report a wish that an adapter never said it can fulfil; nothing left for the venue."""

    capability: str
    declared: tuple[str, ...]

    def __str__(self) -> str:
        declared = ", ".join(self.declared) or "none"
        return (
            f"the adapter does not offer {self.capability}; it offers: {declared}. "
            "Ask its capabilities before you rely on one."
        )


def install(extra: str) -> str:
    """Return the command that adds an extra, or several with commas between, from a clone: no index has meva."""
    return f"pip install '.[{extra}]' in a clone of meva"


@frozen
class StorageError(MevaError):
    """Report a store that is refused or failed, and what the operator can do."""

    path: str
    problem: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.path}: {self.problem} {self.remedy}"


@frozen
class InvariantError(MevaError):
    """Report a broken invariant of our own: stop, nothing that follows can be trusted."""

    invariant: str
    facts: str

    def __str__(self) -> str:
        return f"invariant broken: {self.invariant} ({self.facts})"
