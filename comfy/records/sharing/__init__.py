"""Links through which other users see results."""
