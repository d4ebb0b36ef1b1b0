"""Shared basics of all packages: errors, messages, wording, JSON values, file names, threads."""
