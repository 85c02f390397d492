"""Quote the sentences of the ports that the cases prove; each stands word for word in a port, an event or a command."""

from __future__ import annotations

from typing import Final

NO_RAISE: Final = "No method raises for what a network or a venue does: every outcome is an event."
ONCE: Final = "A request that places an order is sent once, whatever happens to it."
ONLY_REFUSALS: Final = (
    "Only a refusal of the venue is a rejection; silence, a broken connection and an error of the server prove "
    "nothing."
)
NOT_UNDERSTOOD: Final = "What the adapter does not understand settles nothing."
EXACT: Final = "Amounts are exact, on the wire too, where they are written plainly."
STATED: Final = "Every default is the weakest: what an adapter does not state is not there."
KINDS: Final = (
    "Raise `NotSupported`, before anything leaves, for a kind of order that the capabilities do not name."
)
IDS: Final = "Tell among which orders a venue refuses a client order id that it has seen."
PLACE: Final = (
    "Send the order, once: acknowledged, rejected, dropped, or of unknown outcome; fills may come with it."
)
CANCEL: Final = "Cancel one order: canceled, refused, or failed."
CANCEL_ALL: Final = "Cancel every order of ours: one event per order that ended, or failed."
OTHERS_STAY: Final = "Other people's orders stay."
QUERY: Final = "Ask what became of one order, with our trades on its symbol: `OrderQueryAnswered`, or failed."
OBSERVE: Final = "Ask for open orders, own trades and balances: `VenueStateObserved`, or failed."
REJECTED: Final = "The venue refused this attempt: proof that nothing was placed by it."
STAMP: Final = (
    "the request carries it, and the venue refuses the request when its validity window after the stamp has "
    "passed."
)
SETTLES: Final = (
    "*cancel_settles* says that a refused cancel comes from the matching engine itself and proves that the order is "
    "not open."
)
NOT_OPEN: Final = (
    "The venue holds no such order open: it ended before, or never came. That is no proof of either."
)
COMPLETE: Final = "It is complete or it is not told: a part that did not come makes the whole fail."
LEFT_ALONE: Final = (
    "While a venue asks to be left alone nothing leaves: orders are dropped, everything else fails."
)
LAGS: Final = "A venue's query may lag behind its matching engine."
ASKED: Final = "*asked_ns* is our time at which the question left, *venue_time_ns* the venue's at its answer."
SINCE: Final = "our trades of *symbol* after *trades_after* (empty: all)."
FILL: Final = "Hold one execution; (symbol, trade_id) is unique at a venue and is the booking key."
FEE: Final = "*fee* is positive when it costs, in *fee_asset*, which may be base, quote or a third asset."
LIQUIDITY: Final = "Tell whether our side rested or crossed."
TOLD: Final = (
    "What the network does is told by events: `StreamConnected` when what follows is complete, `StreamLost` and "
    "`StreamGapDetected` when it is not."
)
FOLLOWS: Final = (
    "Connect, deliver and reconnect until cancelled. Return or raise for no fault of a network or a venue."
)
UNASKED: Final = "What the venue says unasked comes through its streams, as events too."
RULES: Final = "Return the venue's own rules of the unified *symbols*, in their order."
MEASURED: Final = "Compare the venue's clock with ours; half of the round trip is the error."
FACTS: Final = "Return what the venue knows of our key."
REFUSED_OR_UNKNOWN: Final = (
    "Every method raises `VenueRefusedError` for a definite refusal and `VenueUnknownError` when there was no "
    "answer."
)
NO_ANSWER: Final = "A question or a cancel got no answer, so nothing is known from it."
NONE_OF_THAT_NAME: Final = "*order* is `None` where it knows none of that name."
