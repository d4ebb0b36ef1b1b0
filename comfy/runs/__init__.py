"""Runs on a server, each in its own thread: queue, submission, reconnect, cancellation,
download."""
