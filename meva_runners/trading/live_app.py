"""Trade real money, once it is armed, confirmed by the venue and compared with its books."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path

import click

from meva_adapters.clock.system import SystemClock
from meva_adapters.settings import LoadedSettings
from meva_adapters.storage.account_lock import AccountLock
from meva_adapters.storage.sqlite_journal import SqliteSession
from meva_core.config.arming import arming_problems, mode_problems, phrase_of
from meva_core.config.schema import AppConfig, Mode
from meva_core.errors import ConfigError, StorageError
from meva_runners.checkup.dead_man import switch_meaning, switch_state
from meva_runners.exit_status import PreflightError
from meva_runners.strategy_loading import configured_strategies
from meva_runners.trading.agent_app import AgentApp
from meva_runners.trading.command import loaded, recorded, trade
from meva_runners.trading.connected import connected
from meva_runners.trading.credentials import configured_account
from meva_runners.trading.options import TradingOptions
from meva_runners.trading.places import control_folder, state_folder
from meva_runners.trading.preflight import confirm_account, confirm_market
from meva_runners.trading.sessions import continued_session, new_session, opened_at
from meva_runners.trading.venue_anomalies import VenueAnomalies
from meva_runners.trading.venue_link import VenueLink, trading_link
from meva_runners.trading.warm_up import warm_up
from meva_runners.venues.venue import Right


async def trade_live(options: TradingOptions) -> int:
    """Trade until the end, and return the exit status."""
    settings = loaded(options)
    config = settings.config
    problems = (*mode_problems(config, Mode.LIVE), *arming_problems(config, options.arm))
    if problems:
        raise ConfigError(tuple(map(str, problems)))
    strategies = configured_strategies(config, settings.origins)
    account = configured_account(config)
    anomalies = VenueAnomalies(SystemClock())
    own = connected(config, account, Right.TRADE, on_anomaly=anomalies.note)
    async with own as connection:
        with recorded(options, config) as record:
            await confirm_market(config, connection.reference, name=account.rest_url)
            facts = await confirm_account(config, connection.reference)
            with closing(_hold(facts.account_id, account.rest_url, config)):
                link = await trading_link(
                    connection, name=account.rest_url, anomalies=anomalies, record=record
                )
                _show_banner(config, facts.account_id, link)
                async with _store(options.session, settings, link) as (session, opened):
                    return await trade(
                        options,
                        opened,
                        strategies,
                        link,
                        session,
                        beside=(_warm_up,),
                        secrets=(account.api_key, account.api_secret),
                    )


def _hold(account_id: str, venue: str, config: AppConfig) -> AccountLock:
    """Keep every other agent of this user away from the account, whatever session and label it has for it."""
    folder, holder = state_folder("accounts"), f"agent {config.agent}"
    try:
        return AccountLock(folder, venue=venue, account=account_id, holder=holder)
    except StorageError as error:
        raise PreflightError(f"{error.path}: {error.problem}", error.remedy) from error


def _show_banner(config: AppConfig, account_id: str, link: VenueLink) -> None:
    money = f"{phrase_of(config)}  {config.reporting_currency}"
    text = f" {money}  account {account_id} at {link.name}  {switch_state(config)} "
    click.secho(text, err=True, fg="white", bg="red", bold=True)
    if meaning := switch_meaning(config):
        click.echo(f"dead-man switch {meaning}", err=True)


@asynccontextmanager
async def _store(
    path: Path | None, settings: LoadedSettings, link: VenueLink
) -> AsyncIterator[tuple[SqliteSession, LoadedSettings]]:
    """Go on in the account's store, or begin one where the account stands now."""
    path = path or control_folder(settings.config) / "session.db"
    if path.exists():
        with continued_session(path, settings) as continued:
            yield continued
        return
    opened = await opened_at(settings, link.account, SystemClock())
    with new_session(path, opened) as session:
        yield session, opened


async def _warm_up(app: AgentApp) -> None:
    await warm_up(app.agent, app.config, SystemClock(), app.driver.ask)
