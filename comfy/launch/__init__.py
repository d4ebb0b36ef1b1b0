"""From values to a run: the starter, uploads, and tasks that run once."""
