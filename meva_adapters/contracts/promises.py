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
NO_ANSWER: Final = "A question or a cancel got no answer, so nothing is known from it."
NONE_OF_THAT_NAME: Final = "*order* is `None` where it knows none of that name."
