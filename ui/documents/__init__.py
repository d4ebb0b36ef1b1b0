"""Runs described in text, for pages and scripts. Pure."""
