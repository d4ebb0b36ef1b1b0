"""Batches and chains of several app processes."""
