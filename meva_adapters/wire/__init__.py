"""Read what venues write: numbers, times, names and market messages, for tapes and live streams alike."""
