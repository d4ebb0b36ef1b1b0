"""Preparation of a cluster: checks of what its processes share, and the import of a single app."""
