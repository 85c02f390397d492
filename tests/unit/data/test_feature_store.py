"""Feature sets warm up, keep the history that was asked for, and restore what they knew."""

from __future__ import annotations

import json

import pytest

from meva_core.data.feature_library import Atr, Sma
from meva_core.data.feature_store import FeatureSet, FeatureStore
from meva_core.errors import ConfigError, DataError, InvariantError, UnknownSymbolError
from meva_core.model.market import Candle

BTC, ETH = "BTC/USDT", "ETH/USDT"


def watching(history: int = 3) -> FeatureSet:
    """Return averages of one and of two prices."""
    return FeatureSet(BTC, {"fast": Sma(1), "slow": Sma(2)}, history=history)


def fed(features: FeatureSet, *prices: int) -> FeatureSet:
    """Return *features* after *prices*, at times 1, 2, 3 ..."""
    for time_ns, price in enumerate(prices, start=features.samples + 1):
        features.update(time_ns, price, 1)
    return features


def test_a_set_is_warm_with_its_slowest_feature() -> None:
    """Two samples warm an average of two."""
    features = watching()

    assert not fed(features, 10).warm
    assert fed(features, 12).warm


def test_history_starts_with_warm_up() -> None:
    """A row that would hold a meaningless value is not kept."""
    frame = fed(watching(), 10, 12, 16).frame(3)

    assert (2, 3) == frame.times_ns
    assert ((12.0, 11.0), (16.0, 14.0)) == frame.rows


def test_history_is_bounded() -> None:
    """The last rows stay, oldest first."""
    frame = fed(watching(), *range(100, 200)).frame(3)

    assert (197.0, 198.0, 199.0) == frame.column("fast")
    assert {"fast": 199.0, "slow": 198.5} == frame.latest


def test_a_window_takes_the_newest_rows() -> None:
    """A window of one is the latest row."""
    assert ((199.0, 198.5),) == fed(watching(), *range(100, 200)).frame(1).rows


@pytest.mark.parametrize("window", [0, -1, 4])
def test_a_window_that_cannot_be_filled_is_refused(window: int) -> None:
    """Nobody shall wait for rows that are never kept."""
    with pytest.raises(DataError, match="3 are kept"):
        watching().frame(window)


def test_without_history_nothing_is_kept() -> None:
    """The default costs nothing per sample."""
    assert [] == fed(watching(history=0), 1, 2, 3).snapshot()["rows"]


def test_a_frame_reads_well() -> None:
    """The representation shows names and the last three rows."""
    text = repr(fed(FeatureSet(BTC, {"fast": Sma(1)}, history=9), 10, 11, 12, 13).frame(9))

    assert "FeatureFrame(BTC/USDT, 4 rows of fast)\n  ...\n  2  11\n  3  12\n  4  13" == text


def test_a_frame_names_its_columns_when_asked_for_another() -> None:
    """A misspelled feature is met with the right names."""
    with pytest.raises(DataError, match=r"'fats' is not declared. Declared: fast, slow"):
        fed(watching(), 1, 2).frame(1).column("fats")


def test_an_empty_frame_has_no_latest_row() -> None:
    """Before warm-up there is nothing, and that is no error."""
    frame = watching().frame(2)

    assert (0, {}, ()) == (len(frame), frame.latest, frame.column("slow"))


def test_candles_reach_features_whole() -> None:
    """A feature of ranges sees the high and the low, not the close alone."""
    features = FeatureSet(BTC, {"range": Atr(1)}, history=1)
    for number in (1, 2):
        features.update_candle(number, Candle(number, number + 1, 10, 14, 9, 11, 5))

    assert {"range": 5.0} == features.frame(1).latest


def test_a_restored_set_goes_on_the_same() -> None:
    """Features, count and history survive a checkpoint through JSON."""
    kept = fed(watching(), 10, 12, 16)
    restored = watching()

    restored.restore(json.loads(json.dumps(kept.snapshot())))

    assert fed(kept, 20, 30).frame(3) == fed(restored, 20, 30).frame(3)
    assert kept.snapshot() == restored.snapshot()


def test_a_checkpoint_of_other_features_is_refused() -> None:
    """The facts name both sides."""
    with pytest.raises(InvariantError, match="fast"):
        FeatureSet(BTC, {"other": Sma(1)}).restore(watching().snapshot())


def test_a_negative_history_is_refused() -> None:
    """The limit of the history is part of the error."""
    with pytest.raises(ConfigError, match="from 0 to 100000, not -1"):
        watching(history=-1)


def test_the_store_finds_by_symbol() -> None:
    """One strategy per symbol needs no name."""
    store = FeatureStore()
    fed(store.add("trend", BTC, {"fast": Sma(1)}, history=5), 10, 11)
    store.add("trend", ETH, {"fast": Sma(1)}, history=5)

    assert (10.0, 11.0) == store.get(BTC, 5).column("fast")
    assert 0 == len(store.get(ETH, 5))


def test_several_strategies_on_a_symbol_are_told_apart() -> None:
    """Their rows may come from different candles, so one must be named."""
    store = FeatureStore()
    fed(store.add("one", BTC, {"fast": Sma(1)}, history=5), 10)
    fed(store.add("two", BTC, {"slow": Sma(1)}, history=5), 20)

    assert (20.0,) == store.get(BTC, 1, strategy="two").column("slow")
    with pytest.raises(DataError, match="Name one of one, two"):
        store.get(BTC, 1)


def test_unknown_names_are_refused_with_the_known_ones() -> None:
    """Symbol and strategy each have their sentence."""
    store = FeatureStore()
    store.add("one", BTC, {})

    with pytest.raises(UnknownSymbolError, match="configured: BTC/USDT"):
        store.get(ETH, 1)
    with pytest.raises(DataError, match=r"'two' declared none. Name one of one"):
        store.features_of("two", BTC)
    with pytest.raises(ConfigError, match="configured twice"):
        store.add("one", BTC, {})


def test_a_restored_store_goes_on_the_same() -> None:
    """The same strategies take over all memory; others are refused."""
    kept, restored, other = FeatureStore(), FeatureStore(), FeatureStore()
    fed(kept.add("one", BTC, {"fast": Sma(2)}, history=2), 10, 20)
    restored.add("one", BTC, {"fast": Sma(2)}, history=2)
    other.add("one", ETH, {"fast": Sma(2)}, history=2)

    restored.restore(json.loads(json.dumps(kept.snapshot())))

    assert kept.get(BTC, 2) == restored.get(BTC, 2)
    with pytest.raises(InvariantError, match="ETH/USDT"):
        other.restore(kept.snapshot())
