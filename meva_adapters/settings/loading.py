"""Load the settings of one run: collect, structure, check; report all faults together, print none."""

from __future__ import annotations

import zoneinfo
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from attrs import frozen

from meva_adapters.settings.canonical import config_digest, config_text
from meva_adapters.settings.packaged import packaged_config_dir
from meva_adapters.settings.sources import Sources, origins
from meva_adapters.settings.structuring import judge, placed
from meva_core.config.codes import Code, Problem
from meva_core.config.safety import limits_to_choose
from meva_core.config.schema import AppConfig
from meva_core.errors import ConfigError


@frozen
class LoadedSettings:
    """Hold a valid configuration, and where each value of it was written.

    *origins* maps key paths to `file:line:column`, a variable or an option; what is not in it is a default of
    the schema. *config_json* is canonical and *config_hash* its BLAKE2b-128.
    """

    config: AppConfig
    origins: Mapping[str, str]
    config_json: str
    config_hash: str


def load_settings(
    env: str,
    *,
    files: Sequence[Path] = (),
    overrides: Sequence[str] = (),
    environ: Mapping[str, str],
    config_dir: Path | None = None,
) -> LoadedSettings:
    """Return the settings of *env*; raise `ConfigError` with every fault.

    Later ones override earlier ones: `base.yaml` and `logging.yaml`, `<env>.yaml`, *files*, the variables
    `MEVA__SECTION__KEY` of *environ*, *overrides* such as `risk.max_open_orders=5`.
    """
    folder = config_dir or packaged_config_dir()
    sources = Sources()
    sources.add_shared(folder)
    shared = origins(sources.root)
    sources.add_environment(env, folder)
    for path in files:
        sources.add_file(path)
    sources.add_variables(environ)
    sources.add_overrides(overrides)
    written = origins(sources.root)
    judged = judge(sources.root.plain())
    found = [*judged.problems, *_unknown_zone(judged.config), *_live_limits(judged.config, written, shared)]
    if any(problem.code is Code.UNREADABLE for problem in sources.problems):
        # What seems to be missing may stand in the source that could not be read.
        found = [problem for problem in found if problem.path in written]
    problems = [*sources.problems, *found]
    if problems:
        raise ConfigError(tuple(str(placed(problem, written)) for problem in problems))
    text = config_text(judged.config)
    return LoadedSettings(judged.config, written, text, config_digest(text))


def _unknown_zone(config: AppConfig) -> Iterator[Problem]:
    if config.day_zone == "UTC":
        return  # Valid also where no zone database is installed.
    try:
        zoneinfo.ZoneInfo(config.day_zone)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        yield Problem(
            Code.UNKNOWN_ZONE,
            "day_zone",
            found=repr(config.day_zone),
            expected="UTC or an IANA name such as Europe/Berlin",
            remedy="Check the spelling, or install the package tzdata if this machine has no zones at all.",
        )


def _live_limits(
    config: AppConfig, written: Mapping[str, str], shared: Mapping[str, str]
) -> Iterator[Problem]:
    """Yield a problem for every limit that live mode would take from the defaults or the shared files."""
    for path in limits_to_choose(config):
        if path not in written or written[path] == shared.get(path):
            yield Problem(
                Code.MISSING,
                path,
                found="only the default",
                expected="a limit that was chosen for live mode",
                remedy="Live mode needs every risk limit: write it in prod.yaml, or in a file given with -c.",
            )
