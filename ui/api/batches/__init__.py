"""Batches over HTTP: start and change them, read their rows, download their results."""
