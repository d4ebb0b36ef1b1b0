"""From values to a run: the starter, uploads, runs that are started once."""
