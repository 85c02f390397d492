"""What a replay does and sums up does not depend on who reads along."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection

from meva_adapters.storage.codec import encode
from meva_core.agent.outbox import Outcome
from meva_core.errors import StrategyError
from meva_core.ops.log_records import AlertRaised, FillBooked, OrderSubmitted, Record
from meva_core.ops.reporting import RunSummary
from meva_runners.replaying.run import ReplayRun
from meva_runners.run_result import RunFacts
from tests.replay.columns_case import Case, random_case

_FACTS = RunFacts(config_hash="", tape_hash="", source="", symbols=())


def replayed(
    case: Case, read: Collection[type[Record]] | None, told: list[Outcome] | None
) -> tuple[bytes, RunSummary, str]:
    """Replay *case* and return its checkpoint, its summary, and why it failed if it did."""
    observers = () if told is None else (told.append,)
    run = ReplayRun(
        case.config, case.strategies, observers=observers, read=read, columns_from=case.columns_from
    )
    error = ""
    try:
        run.replay(case.tapes, start_ns=case.period[0], end_ns=case.period[1], stops=case.stops)
    except StrategyError as exc:
        error = str(exc)
    run.driver.agent.take()
    summary = run.result(_FACTS).summary
    return encode(run.checkpoint()), summary, error


def records(outcomes: list[Outcome], *kinds: type[Record]) -> list[Record]:
    """Return the records of these *kinds*, in order."""
    return [record for outcome in outcomes for record in outcome.records if isinstance(record, kinds)]


def test_a_replay_sums_up_alike_whoever_reads() -> None:
    """Checkpoint and summary are equal for all records, a few kinds and none; what is read is what was said."""
    happened: Counter[str] = Counter()
    for seed in range(24):
        case = random_case(seed, rows=300)
        everything: list[Outcome] = []
        some: list[Outcome] = []

        watched = replayed(case, None, everything)

        assert watched == replayed(case, {FillBooked, OrderSubmitted}, some), f"seed {seed}"
        assert watched == replayed(case, None, None), f"seed {seed}"
        kinds = (FillBooked, OrderSubmitted, AlertRaised)
        assert records(everything, *kinds) == records(some, *kinds), f"seed {seed}"
        assert len(some) <= len(everything)
        happened.update(type(record).__name__ for record in records(some, *kinds))
    assert {"FillBooked", "OrderSubmitted", "AlertRaised"} == set(happened)


def test_an_unread_kind_makes_no_outcome() -> None:
    """An observer is called only where something that it reads was said."""
    everything: list[Outcome] = []
    some: list[Outcome] = []

    replayed(random_case(4, rows=300), None, everything)
    replayed(random_case(4, rows=300), {FillBooked}, some)

    assert all(records([outcome], FillBooked, AlertRaised) for outcome in some)
    assert 0 < len(some) < len(everything)
