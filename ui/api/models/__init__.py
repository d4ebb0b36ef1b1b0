"""Routes of missing models and their downloads."""
