"""Runs on a server, each in a thread of its own: queue, submission, reconnect, cancellation,
download."""
