"""Follow orders from intent to end, and model how a venue matches them."""
