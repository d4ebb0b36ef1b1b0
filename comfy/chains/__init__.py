"""Workflows one after another: a chain's file, what feeds what, and which step is due. Pure."""
