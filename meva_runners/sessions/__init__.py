"""Read and write sessions: what happened, when, and why."""
