"""Requests that mean harm: who sends them, to which of the app's routes, and what may come of it."""
