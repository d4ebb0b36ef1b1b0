"""Rewrite a prompt with a language model that the administrator names."""
