"""Runs in words, for pages and scripts. Pure."""
