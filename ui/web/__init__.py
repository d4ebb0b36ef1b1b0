"""Middleware: caller identity, client addresses, request limits, and access rules."""
