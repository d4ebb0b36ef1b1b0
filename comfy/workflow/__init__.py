"""Workflows: reading files that hold one, the folder, the ones that people opened, what their
authors configured."""
