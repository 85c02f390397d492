"""Every fault of a configuration is told at once, with its place and what to do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path

import pytest
from attrs import frozen

from meva_adapters.settings import build_strategy, config_from_json, load_settings
from meva_core.config.codes import Code
from meva_core.errors import ConfigError

SECRET = "hunter2-9f3c"


def problems(
    text: str | bytes = "",
    *,
    folder: Path,
    env: str = "dev",
    environ: Mapping[str, str] | None = None,
    overrides: Sequence[str] = (),
) -> tuple[str, ...]:
    """Return what is wrong with the packaged settings under a file with *text*, variables and options."""
    file = folder / "mine.yaml"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(ConfigError) as caught:
        load_settings(env, files=[file], environ=environ or {}, overrides=overrides)
    return caught.value.problems


# One example for each code that a configuration can have; the last two need more than a file.
EXAMPLES: dict[Code, tuple[str, str]] = {
    Code.UNREADABLE: ("risk: [1", "mine.yaml:1:9"),
    Code.MISSING: ("exchange: {instruments: [{symbol: BTC/USDT, lot_size: 1}]}", "instruments.0.tick_size"),
    Code.WRONG_TYPE: ("seed: 1.5", "mine.yaml:1:7"),
    Code.UNKNOWN_KEY: ("risk:\n  max_open_order: 5", "mine.yaml:2:19"),
    Code.CONTRADICTION: ("risk:\n  max_notional_per_trade: 2001", "mine.yaml:2:27"),
    Code.NOT_A_CHOICE: ("mode: papr", "Did you mean paper?"),
    Code.OUT_OF_RANGE: ("risk: {daily_loss_limit: 0}", "mine.yaml:1:26"),
    Code.DUPLICATE_KEY: ("risk:\n  max_open_orders: 5\n  max_open_orders: 50", "mine.yaml:3:3"),
    Code.BAD_NAME: ("account: my account", "mine.yaml:1:10"),
    Code.BAD_SYMBOL: ("exchange: {instruments: [{symbol: BTC-USDT, tick_size: 1, lot_size: 1}]}", "BTC/USDT"),
    Code.DUPLICATE: ("strategies: [{name: a}, {name: a}]", "mine.yaml:1:25"),
    Code.UNKNOWN_SYMBOL: ("strategies: [{name: a, symbols: [BTC/USD]}]", "Did you mean BTC/USDT?"),
    Code.NO_MARK: ("exchange: {balances: {BNB: 1}}", "BNB/USDT"),
    Code.OFF_GRID: (
        "exchange: {instruments: [{symbol: BTC/USDT, tick_size: 1, lot_size: 1, min_quantity: 1.5}]}",
        "min_quantity",
    ),
    Code.UNKNOWN_ZONE: ("day_zone: Mars/Olympus", "mine.yaml:1:11"),
    Code.PLAIN_SECRET: (f"exchange:\n  api_key: {SECRET}", "mine.yaml:2:12"),
    Code.INSECURE_URL: ("exchange:\n  rest_url: http://api.example.com", "mine.yaml:2:13"),
    Code.RECV_WINDOW: ("exchange: {recv_window_ms: 60000}", "mine.yaml:1:28"),
    Code.BAD_HOURS: ("observability: {digest: {quiet_hours: 22-6}}", "mine.yaml:1:39"),
    Code.NO_ALERT_ROUTE: ("env: prod", "env:MEVA_ALERT_URL"),
    Code.WRONG_VENUE: ("mode: live", "config/base.yaml:17:10"),
}
ELSEWHERE = {
    Code.NO_PLACE: "an option without a value",
    Code.REFUSED_BY_STRATEGY: "a strategy's parameters",
    Code.NOT_ARMED: "tests/unit/config/test_arming.py",
    Code.WRONG_MODE: "tests/unit/config/test_arming.py",
    Code.CAN_WITHDRAW: "tests/integration/runners/test_preflight.py",
    Code.WRONG_ACCOUNT: "tests/integration/runners/test_preflight.py",
    Code.CLOCK_OFFSET: "tests/integration/runners/test_preflight.py",
    Code.OTHER_SETTINGS: "tests/integration/runners/test_continued_sessions.py",
}


def test_every_code_has_an_example() -> None:
    """No code is without a configuration that earns it."""
    assert set(Code) == {*EXAMPLES, *ELSEWHERE}


@pytest.mark.parametrize("code", EXAMPLES)
def test_each_code_is_told_with_place_and_hint(code: Code, tmp_path: Path) -> None:
    """The example is refused with its code, its place, and no secret."""
    text, expected = EXAMPLES[code]

    told = [problem for problem in problems(text, folder=tmp_path) if problem.startswith(code)]

    assert 1 == len(told)
    assert expected in told[0]
    assert SECRET not in told[0]


@pytest.mark.parametrize(
    ("override", "found"),
    [
        ("risk.max_open_orders", "no `=`"),
        ("=5", "an incomplete key path"),
        ("risk..x=5", "an incomplete key path"),
        (".".join("a" * 30) + "=1", "an incomplete key path"),
        ("strategies.7.name=x", "'7'"),
        ("strategies.x=1", "'x'"),
        ("strategies.²=1", "'²'"),
        ("mode.x=1", "a single value"),
        ("a\x1b[31m=1", "an incomplete key path"),
        ("account=\udcff", "bytes that are no UTF-8"),
    ],
)
def test_an_option_without_a_place_is_told(override: str, found: str, tmp_path: Path) -> None:
    """What cannot be followed is refused, not ignored."""
    (problem,) = problems(folder=tmp_path, overrides=[override])

    assert problem.startswith(Code.NO_PLACE)
    assert f"found {found}" in problem


def test_seven_faults_are_seven_problems(tmp_path: Path) -> None:
    """Faults of word, key, type, range, zone and variable are told in one go, each at its place."""
    text = """\
mode: papr
risk:
  max_drawdwn_limit: 5
  resume_after_daily_loss: yes
  price_collar_bps: -1
strategies:
  - {name: momentum, symbols: BTC/USDT}
"""
    environ = {"MEVA__OBSERVABILITY__EQUITY_SAMPLE_S": "1.5", "MEVA__SEDE": "1"}

    told = problems(text, folder=tmp_path, environ=environ)

    expected = [
        ("CFG-105 mode", "mine.yaml:1:7", "Did you mean paper?"),
        ("CFG-102 strategies.0.symbols", "mine.yaml:7:31", "Write [BTC/USDT], in brackets."),
        ("CFG-103 risk.max_drawdwn_limit", "mine.yaml:3:22", "Did you mean max_drawdown_limit?"),
        ("CFG-102 risk.resume_after_daily_loss", "mine.yaml:4:28", "Write true, without quotes."),
        ("CFG-106 risk.price_collar_bps", "mine.yaml:5:21", "Write a number in this range."),
        (
            "CFG-102 observability.equity_sample_s",
            "environment variable MEVA__OBSERVABILITY__EQUITY_SAMPLE_S",
            "Write digits alone, such as 5, without quotes.",
        ),
        ("CFG-103 sede", "environment variable MEVA__SEDE", "Did you mean seed?"),
    ]
    found = []
    for problem in told:
        head, place, remedy = (line.strip() for line in problem.splitlines())
        found.append(
            (head.partition(": ")[0], place.removeprefix("at ").removeprefix(f"{tmp_path}/"), remedy)
        )
    assert sorted(expected) == sorted(found)


@pytest.mark.parametrize(
    ("text", "path", "place"),
    [
        ("# first\nriks:\n  max_open_orders: 5\n", "riks", "mine.yaml:2:1"),
        ("risk:\n  max_open_ordrs:\n    5\n", "risk.max_open_ordrs", "mine.yaml:2:3"),
        ("risk:\n  limits:\n    - 1\n", "risk.limits", "mine.yaml:2:3"),
        ("exchange:\n  fees:\n    # why\n    maker_bp: 1\n", "exchange.fees.maker_bp", "mine.yaml:4:15"),
        ("risk: {limits: {a: 1}}\n", "risk.limits", "mine.yaml:1:16"),
    ],
)
def test_an_unknown_key_is_told_on_its_own_line(text: str, path: str, place: str, tmp_path: Path) -> None:
    """Also a section, whose values begin on the line after it."""
    (problem,) = problems(text, folder=tmp_path)

    assert problem.startswith(f"CFG-103 {path}: ")
    assert f"{place}\n" in problem


def test_a_parameter_is_told_as_it_was_written(tmp_path: Path) -> None:
    """`strategy.X` is short for a longer key; the option that was typed is named."""
    (problem,) = problems(folder=tmp_path, overrides=["strategy=5"])

    assert "at --set strategy\n" in problem


def test_a_wrong_value_causes_no_second_problem(tmp_path: Path) -> None:
    """A limit that is no number is reported as such, and not compared with the others."""
    (problem,) = problems("risk: {max_portfolio_exposure: abc}", folder=tmp_path)

    assert "found text 'abc'; expected a number" in problem


def test_a_broken_instrument_hides_no_other_fault(tmp_path: Path) -> None:
    """While one instrument lacks its tick, the next one's range is still checked, at its own position."""
    text = """\
exchange:
  instruments:
    - {symbol: BTC/USDT, lot_size: 1}
    - {symbol: ETH/USDT, lot_size: 1, tick_size: -1}
"""
    told = [problem.partition(": ")[0] for problem in problems(text, folder=tmp_path)]

    assert ["CFG-101 exchange.instruments.0.tick_size", "CFG-106 exchange.instruments.1.tick_size"] == told


def test_an_unreadable_file_hides_no_other_source(tmp_path: Path) -> None:
    """The variables are judged as well, and what the file may have held is not called missing."""
    told = problems("risk: [", folder=tmp_path, environ={"MEVA__SEED": "x"})

    assert ["CFG-100", "CFG-102"] == [problem.partition(" ")[0] for problem in told]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("a: &x 1\nb: *x", "an anchor or alias (& or *)"),
        ("a: *x", "an anchor or alias (& or *)"),
        ("a: !!python/object:os.system 1", "a tag (!)"),
        ("!!str mode: replay", "a tag (!)"),
        ("? [a]\n: 1", "a key that is no word"),
        ('"a\\e[31m": 1', "a key that is no word"),
        ('a: "\\ud800\\udc00"', "half a character (a surrogate)"),
        ("a: 1\n---\nb: 2", "a second document"),
        ("a: " + "[" * 5_000, "more than 20 levels"),
        ("a: \x07", "a character that YAML does not allow"),
        (b"a: \xff", "a byte that is not UTF-8, at position 3"),
        ("#" * 1_000_001, "more than 1000000 bytes"),
        ("a:\n\tb: 1", "found character '\\t' that cannot start any token"),
    ],
)
def test_what_is_not_plain_yaml_is_refused(text: str | bytes, found: str, tmp_path: Path) -> None:
    """Nothing is built, expanded or guessed from clever files."""
    (problem,) = problems(text, folder=tmp_path)

    assert problem.startswith(Code.UNREADABLE)
    assert f"found {found}" in problem


def test_a_list_is_no_configuration(tmp_path: Path) -> None:
    """A file holds sections."""
    (problem,) = problems("- 1", folder=tmp_path)

    assert "found no mapping; expected a mapping of sections" in problem


def test_an_unknown_environment_is_told_with_the_known_ones(tmp_path: Path) -> None:
    """A misspelt environment does not run on the defaults."""
    (problem,) = problems(folder=tmp_path, env="prd")

    assert "found 'prd'; expected one of dev, prod, stage" in problem
    assert "Did you mean prod?" in problem


@pytest.mark.parametrize("env", ["../dev", "base", "/etc/passwd", "dev\n"])
def test_an_environment_is_a_plain_name(env: str, tmp_path: Path) -> None:
    """No path is built from what is no name."""
    assert problems(folder=tmp_path, env=env)[0].startswith("CFG-105 env")


def test_a_missing_file_is_told() -> None:
    """A file that was named and is not there stops the start."""
    with pytest.raises(ConfigError) as caught:
        load_settings("dev", files=[Path("nowhere/mine.yaml")], environ={})

    assert "at nowhere/mine.yaml" in caught.value.problems[0]


def test_live_mode_takes_no_limit_from_the_defaults(tmp_path: Path) -> None:
    """Switching development to live is refused for each limit that nobody chose for it."""
    told = problems("mode: live", folder=tmp_path)

    missing = [problem for problem in told if "found only the default" in problem]
    assert "CFG-101 risk.max_open_orders" in "".join(missing)
    assert "risk.max_notional_per_trade" not in "".join(missing)


@pytest.mark.parametrize(
    "text",
    [
        f"exchange: {{api_key: [{SECRET}]}}",
        f"exchange: {{api_secret: {{a: {SECRET}}}}}",
        f"observability: {{alert_channels: https://hooks.example.com/{SECRET}}}",
        f"exchange: {{api_secrt: {SECRET}}}",
        f"exchange: {{api_key: {SECRET}, api_key: {SECRET}}}",
        f'exchange: {{api_key: "{SECRET}\\q"}}',
        f"exchange: {{api_key: @{SECRET}}}",
        f"exchange: {{rest_url: https://user:{SECRET}@example.com}}",
    ],
)
def test_no_problem_shows_a_secret(text: str, tmp_path: Path) -> None:
    """Whatever is wrong around a secret, it is not printed."""
    told = problems(text, folder=tmp_path, overrides=[SECRET])

    assert SECRET not in "".join(told)


@frozen
class Crossing:
    """Stand for a user's strategy."""

    fast: int = 10
    quantity: Decimal = Decimal("0.1")
    api_token: str = ""

    def __attrs_post_init__(self) -> None:
        if self.fast < 1:
            raise ValueError("fast must be positive")


def strategy_problems(cls: type, **parameters: object) -> tuple[str, ...]:
    """Return what is wrong with *parameters*."""
    with pytest.raises(ConfigError) as caught:
        build_strategy(
            cls, parameters, "strategies.0.parameters", {"strategies.0.parameters": "mine.yaml:3:5"}
        )
    return caught.value.problems


def test_parameters_are_read_as_strictly_as_the_rest() -> None:
    """Type and key are refused with the place, both at once."""
    first, second = strategy_problems(Crossing, fast=Decimal("1.5"), quanttiy=1)

    assert first.startswith(
        "CFG-102 strategies.0.parameters.fast: found the number 1.5; expected a whole number"
    )
    assert second.startswith("CFG-103 strategies.0.parameters.quanttiy")
    assert "at mine.yaml:3:5" in first
    assert "Did you mean quantity?" in second


def test_what_a_strategy_refuses_is_told() -> None:
    """The strategy's own sentence reaches the user, as a problem like the others."""
    (problem,) = strategy_problems(Crossing, fast=0)

    assert problem.startswith("CFG-116 strategies.0.parameters")
    assert "fast must be positive" in problem


def test_a_parameter_that_may_be_a_secret_is_not_shown() -> None:
    """A token of the wrong type stays unseen."""
    (problem,) = strategy_problems(Crossing, api_token=[SECRET])

    assert SECRET not in problem


def test_a_class_without_fields_is_no_strategy() -> None:
    """A plain class has no parameters that could be checked."""
    (problem,) = strategy_problems(int)

    assert problem.startswith("CFG-116 strategies.0.parameters")


@frozen
class Mixed:
    """Stand for a strategy with a parameter that cannot be read strictly."""

    pair: tuple[int, str] = (1, "a")


def test_a_type_that_cannot_be_read_strictly_is_refused() -> None:
    """Tuples of mixed types would be filled from any text."""
    (problem,) = strategy_problems(Mixed, pair="ab")

    assert "cannot be configured" in problem


@pytest.mark.parametrize(
    "text", ["", "[]", "{", '{"seed": NaN}', '{"seed": "1"}', "[" * 100_000, '{"seed": 1e99}']
)
def test_a_damaged_recording_is_refused(text: str) -> None:
    """What is no recorded configuration gives one error, and no crash."""
    with pytest.raises(ConfigError) as caught:
        config_from_json(text)

    assert 1 == len(caught.value.problems)
