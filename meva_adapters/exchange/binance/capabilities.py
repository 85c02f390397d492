"""State what may be relied on at Binance spot; import nothing that talks to it."""

from __future__ import annotations

from meva_core.ports.exchange import ORDER_KINDS, ClientIdScope, VenueCapabilities


def binance_capabilities(recv_window_ms: int) -> VenueCapabilities:
    """Return the facts: names are unique among open orders, and the engine itself answers a cancel."""
    return VenueCapabilities(
        client_ids=ClientIdScope.OPEN_ORDERS,
        request_window_ms=recv_window_ms,
        cancel_settles=True,
        order_kinds=ORDER_KINDS,
    )
