"""Open the store of a run: a new one, or the one of the same account, mode and settings; trade nothing."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import attrs

from meva_adapters.settings import LoadedSettings, config_digest, config_from_json, config_text
from meva_adapters.settings.faults import SECRET_NAME
from meva_adapters.storage.sqlite_journal import SqliteSession
from meva_core.config.codes import Code, Problem
from meva_core.config.schema import AppConfig, OpeningConfig
from meva_core.errors import MevaError, StorageError
from meva_core.model.market import NS_PER_DAY, NS_PER_MS
from meva_core.ports.clock import Clock
from meva_core.ports.exchange import AccountReader
from meva_runners.composition import instruments_of
from meva_runners.exit_status import PreflightError
from meva_runners.sessions.header import session_header
from meva_runners.sessions.report import parameters_of
from meva_runners.venues.venue import traded_assets

# No order of a live session waits for the packing of more events than these.
_SEGMENT_EVENTS: Final = 256
# What may change between two starts: it decides nothing.
_FREE: Final = ("observability", "runtime", "controls")
# Somebody reads them at a terminal.
_NAMED_MAX: Final = 12
_SHOWN_MAX: Final = 80


@contextmanager
def new_session(path: Path | None, settings: LoadedSettings) -> Iterator[SqliteSession]:
    """Give a new session in *path*, or in a file that is gone afterwards; what was handled whole is kept."""
    with ExitStack() as resources:
        if path is None:
            path = Path(resources.enter_context(TemporaryDirectory(prefix="meva-"))) / "session.db"
        session = SqliteSession.create(
            path,
            session_header(settings),
            segment_events=_SEGMENT_EVENTS,
            market_kept_ns=_market_kept_ns(settings.config),
        )
        yield resources.enter_context(_kept(session))


@contextmanager
def kept_session(
    path: Path | None, settings: LoadedSettings
) -> Iterator[tuple[SqliteSession, LoadedSettings]]:
    """Give the session at *path*, continued where there is one already, and the settings to go on with."""
    if path is not None and path.exists():
        with continued_session(path, settings) as continued:
            yield continued
        return
    with new_session(path, settings) as session:
        yield session, settings


@contextmanager
def continued_session(path: Path, settings: LoadedSettings) -> Iterator[tuple[SqliteSession, LoadedSettings]]:
    """Give the session at *path* and the settings to go on with: *settings*, opened as the session was.

    Raises `PreflightError` where it is of another account or mode, or was recorded with other settings.
    """
    config = settings.config
    try:
        session = SqliteSession.open(
            path,
            account=config.account,
            mode=config.mode.value,
            segment_events=_SEGMENT_EVENTS,
            market_kept_ns=_market_kept_ns(config),
        )
    except StorageError as error:
        raise PreflightError(str(error), "") from error
    with _kept(session):
        stored = config_from_json(session.header.config_json)
        opened = _opened(settings, balances_of=stored, opening=stored.opening)
        changed = _changed(stored, opened.config)
        if changed:
            problem = Problem(
                Code.OTHER_SETTINGS,
                ", ".join(changed),
                found=f"other values than {path} was recorded with: {_differences(stored, opened.config, changed)}",
                expected="the same, so that its decisions can be proven",
                remedy="Restore them, or start a new store after a stop in good order: give another --session.",
            )
            raise PreflightError(str(problem), "")
        yield session, opened


async def opened_at(settings: LoadedSettings, account: AccountReader, clock: Clock) -> LoadedSettings:
    """Return *settings* with where *account* stands now: what a new session begins with."""
    config = settings.config
    standing = await account.opening(tuple(instruments_of(config)))
    opening = OpeningConfig(decisions=clock.now_ns() // NS_PER_MS, trades=dict(standing.trades))
    return opened_with(settings, standing.balances, opening)


def opened_with(
    settings: LoadedSettings, balances: Mapping[str, Decimal], opening: OpeningConfig | None = None
) -> LoadedSettings:
    """Return *settings* of an account that holds *balances*, of which the books are kept in those they can price."""
    config = settings.config
    known = traded_assets(config)
    held = {asset: amount for asset, amount in sorted(balances.items()) if asset in known}
    exchange = attrs.evolve(config.exchange, balances=held)
    opened = attrs.evolve(config, exchange=exchange)
    return _opened(settings, balances_of=opened, opening=opening or config.opening)


def _market_kept_ns(config: AppConfig) -> int | None:
    days = config.runtime.market_days_kept
    return days * NS_PER_DAY if days else None


def _opened(settings: LoadedSettings, *, balances_of: AppConfig, opening: OpeningConfig) -> LoadedSettings:
    exchange = attrs.evolve(settings.config.exchange, balances=balances_of.exchange.balances)
    config = attrs.evolve(settings.config, exchange=exchange, opening=opening)
    text = config_text(config)
    return LoadedSettings(config, settings.origins, text, config_digest(text))


def _changed(stored: AppConfig, current: AppConfig) -> list[str]:
    """Return the sections in which two configurations decide differently."""
    return [
        field.name
        for field in attrs.fields(AppConfig)
        if field.name not in _FREE and getattr(stored, field.name) != getattr(current, field.name)
    ]


def _differences(stored: AppConfig, current: AppConfig, sections: Sequence[str]) -> str:
    """Return every value that differs in *sections*, old -> new; what may be a secret is only named."""
    before, now = (dict(parameters_of(json.loads(config_text(each)))) for each in (stored, current))
    told = []
    for place in dict.fromkeys((*before, *now)):
        old, new = before.get(place), now.get(place)
        if old == new or place.split(".")[0] not in sections:
            continue
        if SECRET_NAME.search(place):
            told.append(f"{place} (not shown)")
        else:
            told.append(f"{place} {_shown(old)} -> {_shown(new)}")
    more = len(told) - _NAMED_MAX
    return "; ".join(told[:_NAMED_MAX]) + (f"; and {more} more" if more > 0 else "")


def _shown(value: str | None) -> str:
    return "nothing" if value is None else value[:_SHOWN_MAX]


@contextmanager
def _kept(session: SqliteSession) -> Iterator[SqliteSession]:
    """Keep what was handled whole when an error comes between two events, and release the file in any case."""
    try:
        yield session
    except MevaError:
        # The first error is the one to report: a disk that hangs says so again when it is to close.
        with suppress(StorageError):
            session.close()
        raise
    finally:
        session.abandon()
