"""Benchmarks of the whole app on loopback; `python -m tests.benchmarks` runs them. Not collected by pytest."""
