"""Turn features into signals, and refuse those that are not valid."""
