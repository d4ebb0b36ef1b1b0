"""Batches: turn several values of fields into rows, one run each. Pure, except for reading
files."""
