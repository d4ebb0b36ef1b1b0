"""Faults of links and servers: how they are caused, and what has to become of a run in their middle."""
