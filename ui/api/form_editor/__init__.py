"""Routes of the form editor."""
