"""Workflows: the files that contain one, the folder, the ones that users opened, and their authors'
settings."""
