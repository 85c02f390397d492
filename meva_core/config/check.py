"""Judge a whole configuration and report every fault together; mend and read nothing."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from decimal import Decimal, DecimalException
from typing import Final

from meva_core.config.codes import Code, Problem, did_you_mean
from meva_core.config.ranges import AMOUNT, POSITIVE_AMOUNT, SECONDS_PER_DAY, out_of_range
from meva_core.config.safety import alert_routes, live_needs, secret_references, secure_urls
from meva_core.config.schema import AppConfig, InstrumentConfig
from meva_core.errors import OffGridError
from meva_core.model.hours import Hours, time_of_day_ns
from meva_core.model.instrument import split_symbol
from meva_core.model.money import decimals_of, whole_steps

FILL_MODELS: Final = ("next_trade", "volume", "book")
ALERT_LEVELS: Final = ("info", "medium", "high", "critical")
DIGEST_BELOW: Final = ALERT_LEVELS[:-1]  # A critical alert never waits.
METRICS: Final = ("none", "statsd", "memory")
TIERS: Final = ("starter", "intermediate", "pro")
PAID_IN: Final = ("received", "quote", "base")

_ASSET: Final = re.compile(r"[A-Z0-9]{1,20}")
_SYMBOL: Final = re.compile(r"[A-Z0-9]{1,20}/[A-Z0-9]{1,20}")
_NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,32}")
_ENV: Final = re.compile(r"[A-Za-z0-9_-]{0,32}")  # Empty where no environment was chosen.
_STRATEGY: Final = re.compile(r"[A-Za-z_][\w.-]{0,99}(:[A-Za-z_]\w{0,99})?", re.ASCII)

Rule = Callable[[AppConfig], Iterator[Problem]]


def check(config: AppConfig) -> list[Problem]:
    """Return every fault in *config*, in the order of the rules below; none means that it may be used."""
    return [problem for rule in RULES for problem in rule(config)]


def _choices(config: AppConfig) -> Iterator[Problem]:
    chosen = (
        ("execution.fill_model", config.execution.fill_model, FILL_MODELS),
        ("exchange.tier", config.exchange.tier, TIERS),
        ("observability.metrics", config.observability.metrics, METRICS),
        ("observability.digest.below", config.observability.digest.below, DIGEST_BELOW),
    )
    for path, value, known in chosen:
        if value not in known:
            yield _not_a_choice(path, value, known)
    channels = config.observability.alert_channels
    for channel, level in config.observability.channel_levels.items():
        path = f"observability.channel_levels.{channel}"
        if level not in ALERT_LEVELS:
            yield _not_a_choice(path, level, ALERT_LEVELS)
        elif channel not in channels:
            yield _not_a_choice(path, channel, channels or ("the alert_channels, of which there are none",))
    paid_in = config.exchange.fees.paid_in
    if paid_in not in PAID_IN and not _ASSET.fullmatch(paid_in):
        yield _not_a_choice("exchange.fees.paid_in", paid_in, (*PAID_IN, "an asset such as BNB"))


def _not_a_choice(path: str, value: str, known: tuple[str, ...]) -> Problem:
    expected = f"one of {', '.join(known)}"
    remedy = did_you_mean(value, known, f"Write {known[0]}, unless you know better.")
    return Problem(Code.NOT_A_CHOICE, path, found=repr(value), expected=expected, remedy=remedy)


def _names(config: AppConfig) -> Iterator[Problem]:
    word = "1 to 32 letters, digits, _ or -"
    asset = "an asset in capitals, such as USDT"
    named = [
        ("env", config.env, _ENV, word),
        ("agent", config.agent, _NAME, word),
        ("account", config.account, _NAME, word),
        ("reporting_currency", config.reporting_currency, _ASSET, asset),
        ("observability.service", config.observability.service, _NAME, word),
        ("observability.statsd_prefix", config.observability.statsd_prefix, _NAME, word),
        *((f"exchange.balances.{name}", name, _ASSET, asset) for name in config.exchange.balances),
        *(
            (f"strategies.{index}.name", strategy.name, _STRATEGY, "a strategy's name, or module:Class")
            for index, strategy in enumerate(config.strategies)
        ),
    ]
    for path, value, pattern, expected in named:
        if not pattern.fullmatch(value):
            yield Problem(
                Code.BAD_NAME,
                path,
                found=repr(value),
                expected=expected,
                remedy="Choose a name of this form; it becomes part of ids, of accounts or of metric names.",
            )


def _instruments(config: AppConfig) -> Iterator[Problem]:
    if not config.exchange.instruments:
        yield Problem(
            Code.MISSING,
            "exchange.instruments",
            found="none",
            expected="at least one instrument",
            remedy="Copy one from config/base.yaml: without an instrument there is nothing to trade.",
        )
    first: dict[str, int] = {}
    for index, instrument in enumerate(config.exchange.instruments):
        path = f"exchange.instruments.{index}"
        yield from _symbol(f"{path}.symbol", instrument.symbol)
        if instrument.symbol in first:
            before = f"exchange.instruments.{first[instrument.symbol]}.symbol"
            yield _duplicate(f"{path}.symbol", instrument.symbol, before)
        first.setdefault(instrument.symbol, index)
        yield from _grid(path, instrument)


def _symbol(path: str, symbol: str) -> Iterator[Problem]:
    if not _SYMBOL.fullmatch(symbol):
        yield Problem(
            Code.BAD_SYMBOL,
            path,
            found=repr(symbol),
            expected="BASE/QUOTE in capitals",
            remedy="Write it as BTC/USDT, with a slash; the venue's own spelling stays in its adapter.",
        )


def _duplicate(path: str, found: str, before: str) -> Problem:
    return Problem(
        Code.DUPLICATE,
        path,
        found=repr(found),
        expected=f"something that is not yet at {before}",
        remedy="Remove one of the two.",
        related=(before,),
    )


def _grid(path: str, instrument: InstrumentConfig) -> Iterator[Problem]:
    lot = instrument.lot_size
    if not POSITIVE_AMOUNT.holds(lot):
        return  # That is already reported, and nothing can be measured in such a lot.
    if decimals_of(lot) > instrument.asset_decimals:
        yield Problem(
            Code.OFF_GRID,
            f"{path}.lot_size",
            found=f"{lot:f}",
            expected=f"at most {instrument.asset_decimals} decimals (asset_decimals)",
            remedy="Check the lot size with the venue, or raise asset_decimals.",
            related=(f"{path}.asset_decimals",),
        )
    for name, quantity in (
        ("min_quantity", instrument.min_quantity),
        ("max_quantity", instrument.max_quantity),
    ):
        if quantity is not None and AMOUNT.holds(quantity) and not _is_whole(quantity, lot):
            yield Problem(
                Code.OFF_GRID,
                f"{path}.{name}",
                found=f"{quantity:f}",
                expected=f"a multiple of lot_size {lot:f}",
                remedy="Check both with the venue's exchange information.",
                related=(f"{path}.lot_size",),
            )


def _is_whole(quantity: Decimal, lot: Decimal) -> bool:
    try:
        whole_steps(quantity, lot, symbol="", name="quantity")
    except (OffGridError, DecimalException):  # The second: too fine to be measured exactly.
        return False
    return True


def _strategies(config: AppConfig) -> Iterator[Problem]:
    known = tuple(instrument.symbol for instrument in config.exchange.instruments)
    claimed: dict[tuple[str, str], str] = {}
    for index, strategy in enumerate(config.strategies):
        path = f"strategies.{index}"
        for position, symbol in enumerate(strategy.symbols):
            place = f"{path}.symbols.{position}"
            if symbol not in known:
                yield _unknown_symbol(place, symbol, known)
            elif (before := claimed.setdefault((strategy.name, symbol), place)) != place:
                yield _duplicate(place, f"{strategy.name} on {symbol}", before)
        claims = () if strategy.symbols else known
        taken = [claimed.setdefault((strategy.name, symbol), path) for symbol in claims]
        clashes = [before for before in taken if before != path]
        if clashes:
            yield _duplicate(path, f"{strategy.name} on every instrument (no symbols)", clashes[0])


def _unknown_symbol(path: str, symbol: str, known: tuple[str, ...]) -> Problem:
    return Problem(
        Code.UNKNOWN_SYMBOL,
        path,
        found=repr(symbol),
        expected=f"one of {', '.join(known) or 'the instruments, of which there are none'}",
        remedy=did_you_mean(symbol, known, "Add it to exchange.instruments, or remove it here."),
        related=("exchange.instruments",),
    )


# In each row no order could reach the second limit, because the first is met before.
_NESTED: Final = (
    ("risk.max_notional_per_trade", "risk.max_position_notional_per_symbol"),
    ("risk.max_position_notional_per_symbol", "risk.max_portfolio_exposure"),
)


def _limits(config: AppConfig) -> Iterator[Problem]:
    amounts = {
        "risk.max_notional_per_trade": config.risk.max_notional_per_trade,
        "risk.max_position_notional_per_symbol": config.risk.max_position_notional_per_symbol,
        "risk.max_portfolio_exposure": config.risk.max_portfolio_exposure,
    }
    for inner, outer in _NESTED:
        yield from _above(inner, amounts[inner], outer, amounts[outer])
    for index, instrument in enumerate(config.exchange.instruments):
        path = f"exchange.instruments.{index}"
        if instrument.symbol.endswith(f"/{config.reporting_currency}"):
            trade = "risk.max_notional_per_trade"
            yield from _above(f"{path}.min_notional", instrument.min_notional, trade, amounts[trade])
        if instrument.max_notional is not None:
            largest = instrument.max_notional
            yield from _above(
                f"{path}.min_notional", instrument.min_notional, f"{path}.max_notional", largest
            )
        if instrument.max_quantity is not None:
            largest = instrument.max_quantity
            yield from _above(
                f"{path}.min_quantity", instrument.min_quantity, f"{path}.max_quantity", largest
            )


def _above(inner: str, amount: Decimal, outer: str, limit: Decimal) -> Iterator[Problem]:
    if amount.is_finite() and limit.is_finite() and amount > limit:
        yield Problem(
            Code.CONTRADICTION,
            inner,
            found=f"{amount:f}",
            expected=f"at most {outer} ({limit:f})",
            remedy="Such an order could never be allowed: lower the one, or raise the other.",
            related=(outer,),
        )


def _marks(config: AppConfig) -> Iterator[Problem]:
    symbols = tuple(instrument.symbol for instrument in config.exchange.instruments)
    held = {
        f"exchange.balances.{asset}": asset for asset, amount in config.exchange.balances.items() if amount
    }
    if config.exchange.fees.paid_in not in PAID_IN:
        held["exchange.fees.paid_in"] = config.exchange.fees.paid_in
    for index, symbol in enumerate(symbols):
        if _SYMBOL.fullmatch(symbol):
            held[f"exchange.instruments.{index}.symbol"] = split_symbol(symbol)[1]
    for path, asset in held.items():
        if _ASSET.fullmatch(asset) and not _has_mark(asset, config.reporting_currency, symbols):
            yield Problem(
                Code.NO_MARK,
                path,
                found=f"{asset} without a market in {config.reporting_currency}",
                expected=f"an instrument that values {asset}",
                remedy=f"Add {asset}/{config.reporting_currency}: a missing mark is an error, never zero. A balance "
                "that is not there is set to 0.",
                related=("exchange.instruments", "reporting_currency"),
            )


def _has_mark(asset: str, currency: str, symbols: tuple[str, ...]) -> bool:
    """Return whether *asset* is the *currency*, or one market or two lead from it to the currency."""
    valued = {currency, *(symbol.partition("/")[0] for symbol in symbols if symbol.endswith(f"/{currency}"))}
    return asset in valued or any(
        symbol.startswith(f"{asset}/") and symbol.partition("/")[2] in valued for symbol in symbols
    )


def _schedule(config: AppConfig) -> Iterator[Problem]:
    schedule = config.execution.unknown_query_schedule_s
    path = "execution.unknown_query_schedule_s"
    finite = all(delay.is_finite() for delay in schedule)
    if not schedule or (finite and list(schedule) != sorted(schedule)):
        yield Problem(
            Code.OUT_OF_RANGE,
            path,
            found=f"[{', '.join(f'{delay:f}' for delay in schedule)}]",
            expected="at least one delay in seconds, each not shorter than the one before",
            remedy="Write for example [0.2, 0.5, 1, 2, 5]; the last delay repeats.",
        )


def _digest(config: AppConfig) -> Iterator[Problem]:
    digest, path = config.observability.digest, "observability.digest"
    written = (
        ("at", digest.at, time_of_day_ns(digest.at) is not None, "HH:MM in UTC, such as 07:00"),
        (
            "quiet_hours",
            digest.quiet_hours,
            not digest.quiet_hours or Hours.read(digest.quiet_hours) is not None,
            "two times in UTC, such as 22:00-06:00, or nothing",
        ),
    )
    for name, text, is_right, expected in written:
        if not is_right:
            remedy = "Write hours and minutes with two digits each, and two different times in a span."
            yield Problem(
                Code.BAD_HOURS, f"{path}.{name}", found=repr(text), expected=expected, remedy=remedy
            )
    if 0 < digest.every_s <= SECONDS_PER_DAY and SECONDS_PER_DAY % digest.every_s:
        yield Problem(
            Code.OUT_OF_RANGE,
            f"{path}.every_s",
            found=str(digest.every_s),
            expected=f"a divisor of the {SECONDS_PER_DAY} seconds of a day",
            remedy="Write for example 3600: the times of the digests are then the same each day.",
        )


RULES: Final[tuple[Rule, ...]] = (
    out_of_range,
    _choices,
    _names,
    _instruments,
    _strategies,
    _limits,
    _marks,
    _schedule,
    _digest,
    secret_references,
    secure_urls,
    alert_routes,
    live_needs,
)
