"""Workflows as tools for assistants, through the Model Context Protocol at `/mcp`."""
