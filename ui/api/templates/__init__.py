"""Routes of the servers' workflow templates."""
