"""Chains: how far they are, and what is done with them."""
