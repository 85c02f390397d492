"""Write again the request that sends an order, from its command alone, all but the signature; send nothing."""

from __future__ import annotations

from meva_adapters.exchange.binance.codec import order_parameters
from meva_adapters.exchange.binance.signer import encoded_query
from meva_adapters.wire.symbols import venue_symbol
from meva_core.commands import PlaceOrder
from meva_core.model.market import NS_PER_MS


def order_line(command: PlaceOrder, *, recv_window_ms: int) -> str:
    """Return method, path and query of the request, byte for byte; `&signature=` and the signature follow."""
    request = command.request
    parameters = [
        *order_parameters(request, venue_symbol(request.symbol)),
        ("recvWindow", str(recv_window_ms)),
        ("timestamp", str(command.stamp_ns // NS_PER_MS)),
    ]
    return f"POST /api/v3/order?{encoded_query(parameters)}"
