"""Run the real agent against a bad venue, a bad network and a bad disk, in virtual time, and check what it promises."""
