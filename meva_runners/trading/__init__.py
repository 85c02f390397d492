"""Run an agent against time and a venue: one loop that decides, commits and acts."""
