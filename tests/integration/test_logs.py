"""Log lines are complete, in order, harmless, and set up only where asked."""

from __future__ import annotations

import io
import json
import logging
import os
import stat
import subprocess
import sys
import threading
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve
from loguru import logger

from meva_adapters.logs.rotating_file import RotatingFile
from meva_adapters.logs.structured import LogHandle, configure_logging
from meva_core.config.schema import AppConfig, LogCategory, LoggingConfig, LogLevel, ObservabilityConfig
from meva_core.errors import ConfigError
from meva_core.model.order import OrderStatus
from tests.unit.ops.records import equity_marked, fill_booked, order_submitted, order_updated, signal_decided

REQUIRED = [
    "ts",
    "level",
    "service",
    "env",
    "symbol",
    "event_type",
    "trace_id",
    "tick_id",
    "client_order_id",
    "exchange_order_id",
    "strategy",
    "message",
]
SECRET = "wV8sK2mQ9xZ4"


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def config(**observability: Any) -> AppConfig:
    """Return a configuration with these settings of what is seen."""
    return AppConfig(env="dev", observability=ObservabilityConfig(**observability))


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    """Return the lines written so far."""
    return [json.loads(line) for line in stream.getvalue().splitlines()]


@pytest.fixture
def stream() -> io.StringIO:
    """Return what stands for standard error."""
    return io.StringIO()


@pytest.fixture
def log(stream: io.StringIO) -> Iterator[LogHandle]:
    """Return a log that writes to *stream* and knows one secret."""
    with configure_logging(config(), stream, secrets=[SECRET]) as handle:
        yield handle


def test_line_has_every_required_field(log: LogHandle, stream: io.StringIO) -> None:
    """The specification's fields stand in each line, also where they are empty."""
    log.write(order_submitted(), tick_id=42)
    logger.warning("agent.started")

    for line in lines(stream):
        assert [] == [name for name in (*REQUIRED, "category", "mode") if name not in line]


def test_line_says_what_the_record_says(log: LogHandle, stream: io.StringIO) -> None:
    """Constant name as message, ids and exact amounts as fields, the event's own time."""
    log.write(order_updated(OrderStatus.ACCEPTED, "0.10"), tick_id=42)
    (line,) = lines(stream)

    expected = {
        "ts": "1970-01-01T00:00:00.000000004Z",
        "level": "INFO",
        "service": "meva",
        "env": "dev",
        "mode": "replay",
        "category": "order_update",
        "symbol": "BTC/USDT",
        "event_type": "order.accepted",
        "trace_id": "cross:BTC/USDT:7",
        "tick_id": 42,
        "client_order_id": "o-1",
        "exchange_order_id": "v-9",
        "strategy": "cross",
        "message": "order.accepted",
        "evidence": "venue answer",
        "filled_quantity": "0.10",
    }
    assert list(expected.items()) == list(line.items())


def test_levels_are_per_category(stream: io.StringIO) -> None:
    """A loud category and a quiet one in the same log."""
    levels = {LogCategory.TREASURY: LogLevel.DEBUG, LogCategory.ORDER_UPDATE: LogLevel.ERROR}
    with configure_logging(config(logging=LoggingConfig(levels=levels)), stream) as handle:
        handle.write(equity_marked("1"))
        handle.write(fill_booked())
        handle.write(signal_decided())
        logger.bind(category="order_update").warning("order.lost")
        logger.bind(category="treasury").debug("cost.booked")

    names = [line["event_type"] for line in lines(stream)]
    assert ["account.marked", "signal.generated", "cost.booked"] == names


def test_bound_data_becomes_fields_and_cannot_pose_as_the_log(log: LogHandle, stream: io.StringIO) -> None:
    """Data named like a column of the log itself is set apart."""
    logger.bind(category="reconcile", symbol="BTC/USDT", level="DEBUG", ts="never").warning("order.lost")
    (line,) = lines(stream)

    assert ("order.lost", "reconcile", "BTC/USDT") == (line["event_type"], line["category"], line["symbol"])
    assert ("WARNING", "DEBUG", "never") == (line["level"], line["data_level"], line["data_ts"])


def test_secret_is_hidden_on_every_way_into_the_log(log: LogHandle, stream: io.StringIO) -> None:
    """Records, loguru, the standard library, warnings, exceptions and crashes of threads alike."""
    log.write(signal_decided(SECRET))
    logger.bind(url=f"https://x/?k={SECRET[2:9]}").error(f"oops {SECRET}")
    logging.getLogger("aiohttp.client").error("sent %s", {"h": SECRET})
    with warnings.catch_warnings():
        warnings.simplefilter("default")  # Tests turn warnings into errors.
        warnings.warn(SECRET, stacklevel=1)
    try:
        _fail_with(SECRET)
    except ValueError as error:
        logger.opt(exception=True).error("venue.failed")
        sys.excepthook(ValueError, error, error.__traceback__)
    thread = threading.Thread(target=_fail_with, args=(SECRET,))
    thread.start()
    thread.join()

    names = [line["event_type"] for line in lines(stream)]
    assert 7 == len(names)
    assert ["venue.failed", "process.crashed", "thread.crashed"] == names[-3:]
    assert [] == [SECRET[i : i + 6] for i in range(7) if SECRET[i : i + 6] in stream.getvalue()]


def _fail_with(secret: str) -> None:
    local = secret  # A traceback with values of variables would show it.
    raise ValueError(local)


def test_secret_found_later_is_hidden(log: LogHandle, stream: io.StringIO) -> None:
    """A session key that the venue hands out is registered while running."""
    log.redactor.register("listen-4711-abc")
    logger.bind(stream="listen-4711-abc").info("stream.connected")

    assert "4711" not in stream.getvalue()


def test_text_from_outside_cannot_forge_a_line(log: LogHandle, stream: io.StringIO) -> None:
    """Line breaks and cursor codes of a venue's answer stay inside their field."""
    logging.getLogger("venue").error('bad\n{"level":"INFO"}\x1b[2J\u2028%s')
    (line,) = lines(stream)

    assert 'bad\\n{"level":"INFO"}\\x1b[2J\\u2028%s' == line["text"]
    assert "\x1b" not in stream.getvalue()


def test_braces_and_wrong_arguments_do_not_raise(stream: io.StringIO) -> None:
    """A library's careless message is written as it is."""
    with configure_logging(config(), stream):
        logging.getLogger("venue").error('{"a":1}')
        logging.getLogger("venue").error("%d of %d", *["one"])

    assert ['{"a":1}', "%d of %d ('one',)"] == [line["text"] for line in lines(stream)]


def test_terminal_gets_short_text() -> None:
    """A person at a terminal reads time, level, name and what is not empty."""
    terminal = Terminal()
    with configure_logging(config(), terminal) as handle:
        handle.write(order_updated(OrderStatus.UNKNOWN))

    assert terminal.getvalue().startswith("00:00:00.000 WARNING  order.unknown      symbol=BTC/USDT")
    assert "tick_id" not in terminal.getvalue()


def test_file_is_private_and_holds_the_lines(tmp_path: Path, stream: io.StringIO) -> None:
    """The log goes to the named file, readable by its owner alone, and not to the stream."""
    path = tmp_path / "logs" / "agent.log"
    with configure_logging(config(log_file=str(path)), stream) as handle:
        handle.write(order_submitted())

    assert "order.submitted" == json.loads(path.read_text())["event_type"]
    assert 0o600 == stat.S_IMODE(path.stat().st_mode)
    assert "" == stream.getvalue()


def test_unwritable_file_is_a_configuration_error(tmp_path: Path, stream: io.StringIO) -> None:
    """The operator learns at the start which setting to mend."""
    with pytest.raises(ConfigError, match=r"observability\.log_file: .* cannot be written"):
        configure_logging(config(log_file=str(tmp_path)), stream)


def test_full_file_turns_over_without_losing_a_line(tmp_path: Path) -> None:
    """Every line is in exactly one file, in order, and no file exceeds its size."""
    path = tmp_path / "agent.log"
    file = RotatingFile(path, LoggingConfig(rotation_mb=1))
    for number in range(30):
        file.write(f"{number:02d}{'x' * 99_997}\n".encode())
    file.close()

    files = [tmp_path / f"agent.log.{number:06d}" for number in (1, 2)] + [path]
    written = [line[:2] for each in files for line in each.read_text().splitlines()]
    assert [f"{number:02d}" for number in range(30)] == written
    assert all(each.stat().st_size <= 1_000_000 for each in files)


def test_finished_files_are_kept_for_their_time(tmp_path: Path) -> None:
    """What is older than the retention goes when the file turns over; the rest stays."""
    path = tmp_path / "agent.log"
    old, young = tmp_path / "agent.log.000001", tmp_path / "agent.log.000002"
    for each in (old, young):
        each.write_text("done\n")
    file = RotatingFile(path, LoggingConfig(rotation_mb=1, retention_days=1))
    _set_age(old, days=3, reference=path)
    _set_age(young, days=0, reference=path)
    file.write(b"x" * 900_000)
    file.write(b"x" * 900_000)
    file.close()

    assert ["agent.log", "agent.log.000002", "agent.log.000003"] == sorted(p.name for p in tmp_path.iterdir())


def _set_age(path: Path, *, days: int, reference: Path) -> None:
    moment = reference.stat().st_mtime - days * 86_400
    os.utime(path, (moment, moment))


def test_lost_lines_are_counted_and_stop_nobody(
    stream: io.StringIO, capfd: pytest.CaptureFixture[str]
) -> None:
    """A stream that is gone costs the lines, not the agent."""
    with configure_logging(config(), stream) as handle:
        stream.close()
        handle.write(order_submitted())
        handle.write(order_submitted())

        assert 2 == handle.lost


def test_closing_leaves_the_process_as_it_was(stream: io.StringIO) -> None:
    """Hooks, handlers and levels of the standard library are put back; closing twice is harmless."""
    root = logging.getLogger()
    before = (sys.excepthook, threading.excepthook, sys.unraisablehook, root.handlers[:], root.level)
    handle = configure_logging(config(), stream)
    handle.close()
    handle.close()
    logger.error("after.the.end")

    assert before == (sys.excepthook, threading.excepthook, sys.unraisablehook, root.handlers, root.level)
    assert "" == stream.getvalue()


def test_import_sets_nothing_up() -> None:
    """A library user's logging is untouched until somebody asks."""
    program = (
        "import logging, sys; hook = sys.excepthook\n"
        "import meva_adapters.logs.structured\n"
        "assert sys.excepthook is hook and not logging.getLogger().handlers\n"
    )
    assert 0 == subprocess.run([sys.executable, "-c", program], check=False).returncode


def test_service_and_mode_are_the_configurations(stream: io.StringIO) -> None:
    """Lines of several agents in one place can be told apart."""
    settings = evolve(config(service="desk-7"), env="prod")
    with configure_logging(settings, stream) as handle:
        handle.write(order_submitted())
    (line,) = lines(stream)

    assert ("desk-7", "prod", "replay") == (line["service"], line["env"], line["mode"])
