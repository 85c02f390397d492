"""Keep what is known of the markets: books, candles, features, quality."""
