"""Do what commands of several options ask for; their options stand beside."""
