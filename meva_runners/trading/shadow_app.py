"""Decide everything on a real account's market, and send nothing: there is nothing here that could sign an order."""

from __future__ import annotations

from decimal import Decimal

from meva_adapters.clock.system import SystemClock
from meva_core.config.arming import mode_problems
from meva_core.config.schema import Mode
from meva_core.errors import ConfigError, VenueRefusedError, VenueUnknownError
from meva_runners.composition import instruments_of
from meva_runners.exit_status import PreflightError
from meva_runners.strategy_loading import configured_strategies
from meva_runners.trading.command import loaded, recorded, trade
from meva_runners.trading.connected import connected
from meva_runners.trading.credentials import configured_account
from meva_runners.trading.options import TradingOptions
from meva_runners.trading.preflight import confirm_market
from meva_runners.trading.recovered import recovered
from meva_runners.trading.sessions import kept_session, opened_with
from meva_runners.trading.shadow_report import ShadowReport
from meva_runners.trading.venue_anomalies import VenueAnomalies
from meva_runners.trading.venue_link import market_link
from meva_runners.venues.venue import Connection, Right


async def trade_in_shadow(options: TradingOptions) -> int:
    """Run until the end, and return the exit status."""
    settings = loaded(options)
    config = settings.config
    problems = mode_problems(config, Mode.SHADOW)
    if problems:
        raise ConfigError(tuple(map(str, problems)))
    strategies = configured_strategies(config, settings.origins)
    account = configured_account(config)
    anomalies = VenueAnomalies(SystemClock())
    own = connected(config, account, Right.READ, on_anomaly=anomalies.note)
    async with own as connection:
        await confirm_market(config, connection.reference, name=account.rest_url)
        balances = await _balances(connection)
        report = ShadowReport(instruments_of(config), balances)
        kept = kept_session(options.session, opened_with(settings, balances))
        with kept as (session, opened), recorded(options, config) as record:
            name = f"the shadow of {account.rest_url}"
            link = await market_link(
                opened.config,
                connection,
                name=name,
                anomalies=anomalies,
                record=record,
                before=recovered(session, opened.config, strategies),
            )
            every_s = config.runtime.clock_check_s
            return await trade(
                options,
                opened,
                strategies,
                link,
                session,
                beside=(lambda _: report.watch_account(connection.account, every_s),),
                companion=report,
                secrets=(account.api_key, account.api_secret),
            )


async def _balances(connection: Connection) -> dict[str, Decimal]:
    """Return what the account holds now."""
    try:
        return await connection.account.balances()
    except (VenueRefusedError, VenueUnknownError) as error:
        remedy = "Check the key, its secret, and its list of allowed addresses."
        raise PreflightError(f"the account cannot be read: {error}.", remedy) from error
