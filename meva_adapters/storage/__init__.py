"""Keep sessions: journal, snapshots and the tables people query; decide nothing."""
