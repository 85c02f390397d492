"""State what may be relied on at Kraken spot; import nothing that talks to it."""

from __future__ import annotations

from meva_core.ports.exchange import Capability, ClientIdScope, VenueCapabilities


def kraken_capabilities(deadline_ms: int) -> VenueCapabilities:
    """Return the facts: names are unique among open orders, a deadline binds the engine, a switch waits for us.

    The documentation does not say that a refused cancel comes from the engine, and it lists no fill-or-kill.
    """
    return VenueCapabilities(
        client_ids=ClientIdScope.OPEN_ORDERS,
        request_window_ms=deadline_ms,
        dead_man_switch=True,
        order_kinds=(Capability.MARKET_ORDERS, Capability.IMMEDIATE_OR_CANCEL, Capability.POST_ONLY),
    )
