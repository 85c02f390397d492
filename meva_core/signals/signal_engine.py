"""Ask a strategy, and judge whether its answer is a valid signal; judge no risk."""

from __future__ import annotations

from meva_core.errors import StrategyError
from meva_core.model.value import value
from meva_core.signals.strategy import FeatureValues, Signal, SignalContext, Strategy
from meva_core.signals.validation import SignalLimits, SignalReject, validate_signal

# Such an answer is a programming error: nothing in it can be trusted enough to be recorded.
_PROGRAMMING_ERRORS = (SignalReject.NOT_A_SIGNAL, SignalReject.WRONG_TYPE)


@value
class RejectedSignal:
    """Hold a strategy's answer with the reason why nobody acts on it."""

    signal: Signal
    reason: SignalReject


# A valid signal, a rejected one, or none.
SignalDecision = Signal | RejectedSignal | None


class SignalEngine:
    """Run one strategy under its configured name."""

    def __init__(self, name: str, strategy: Strategy, limits: SignalLimits) -> None:
        self.name = name
        self.strategy = strategy
        self._limits = limits

    def evaluate(self, symbol: str, ctx: SignalContext) -> SignalDecision:
        """Return what the strategy wants on *symbol*.

        Raise `StrategyError` when it raises, or answers what is no signal or has fields of wrong types.
        """
        try:
            answer = self.strategy.generate_signal(ctx)
        except Exception as error:  # A strategy is a stranger's code.
            raise StrategyError(self.name, symbol, described(error)) from error
        if answer is None:
            return None
        reason = validate_signal(answer, ctx, self._limits)
        if reason is None:
            return answer
        if reason in _PROGRAMMING_ERRORS:
            raise StrategyError(self.name, symbol, f"answered {answer!r}, which is {reason}")
        return RejectedSignal(answer, reason)


def described(error: Exception) -> str:
    """Return the error's kind and text, and where it was raised: `ZeroDivisionError: ... (mine.py, line 9)`."""
    text = str(error)
    if isinstance(error, AttributeError) and isinstance(error.obj, FeatureValues):
        text = f"the strategy declared no feature {error.name!r}; declared: {error.obj}"
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None:
        return f"{type(error).__name__}: {text}"
    file = trace.tb_frame.f_code.co_filename.rpartition("/")[2]
    return f"{type(error).__name__}: {text} ({file}, line {trace.tb_lineno})"
