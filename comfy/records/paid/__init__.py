"""Paid runs: their number per person and day, and whether their owners have agreed to pay."""
