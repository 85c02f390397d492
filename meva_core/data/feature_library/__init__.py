"""Ship the features that strategies declare; each gives its formula, unit and source."""

from meva_core.data.feature_library.averages import Ema, RollingSum, Sma, Vwap
from meva_core.data.feature_library.change import RateOfChange, Rsi, TrendScore
from meva_core.data.feature_library.dispersion import Bollinger, RollingMoments, RollingStd, ZScore
from meva_core.data.feature_library.ranges import Atr, Donchian

__all__ = [
    "Atr",
    "Bollinger",
    "Donchian",
    "Ema",
    "RateOfChange",
    "RollingMoments",
    "RollingStd",
    "RollingSum",
    "Rsi",
    "Sma",
    "TrendScore",
    "Vwap",
    "ZScore",
]
