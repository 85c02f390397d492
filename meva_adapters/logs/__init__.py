"""Write structured log lines that no secret passes."""
