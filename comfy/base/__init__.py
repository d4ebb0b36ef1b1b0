"""Shared basics of every package: errors, messages, wording, JSON values, file names, threads."""
