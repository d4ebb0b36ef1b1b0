"""Paid partner nodes: which nodes of a prompt use credits, and at what price. Pure."""
