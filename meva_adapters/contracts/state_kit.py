"""Say what every store of the canonical state promises, as cases; test no store by itself."""

from __future__ import annotations

from typing import Final

from meva_adapters.contracts.case import CaseList, Kit, expect_equal, expect_raises
from meva_adapters.contracts.harness import Bench, Harness, made
from meva_adapters.contracts.storage_samples import sample_state
from meva_core.errors import StorageError
from meva_core.model.state import FILLS_KEPT
from meva_core.ports.storage import PortfolioStateStore

_LOAD: Final = "Return the newest state; raise `StorageError` when there is none."
_SAVE: Final = "Make *state* durable."


class StateStoreHarness(Harness[PortfolioStateStore]):
    """Make a store of states that is empty."""


StateStoreBench = Bench[StateStoreHarness, PortfolioStateStore]
_STATES: CaseList[StateStoreBench] = CaseList()
case = _STATES.case


@case("SP-01", "store without a state", promise=_LOAD)
async def empty(bench: StateStoreBench) -> None:
    """Say so: nobody starts from a state that was invented."""
    expect_raises(StorageError, bench.subject.load, saying="holds no state yet")


@case("SP-02", "newest state", promise=_LOAD)
async def newest(bench: StateStoreBench) -> None:
    """Give the newest of many, every digit of it."""
    for events in range(1, 8):
        state = sample_state()
        state.sequence.events = events
        bench.subject.save(state)
        expected = sample_state()
        expected.sequence.events = events

        expect_equal(expected, bench.subject.load(), "the state")


@case("SP-03", "state is a copy", promise=_SAVE)
async def copied(bench: StateStoreBench) -> None:
    """Keep neither the saved object nor a loaded one as the store's own."""
    state = sample_state()
    bench.subject.save(state)
    state.open_orders.clear()
    bench.subject.load().fills.clear()

    expect_equal(sample_state(), bench.subject.load(), "the state")


@case("SP-04", "bounded history", promise=_SAVE)
async def bounded(bench: StateStoreBench) -> None:
    """Let a state that came back forget its oldest fills as it did before."""
    bench.subject.save(sample_state())

    expect_equal(FILLS_KEPT, bench.subject.load().fills.maxlen, "how many fills are kept")


STATE_STORE: Final[Kit[StateStoreBench]] = Kit(port="state store", cases=tuple(_STATES.cases), opened=made)
