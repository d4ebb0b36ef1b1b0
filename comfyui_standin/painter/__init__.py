"""Procedural images from words and seeds."""
