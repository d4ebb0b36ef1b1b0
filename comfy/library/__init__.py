"""Workflows on offer: the folder, private workflows, their forms, the catalogue, permissions."""
