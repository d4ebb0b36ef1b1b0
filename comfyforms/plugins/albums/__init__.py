"""Albums of results that people look at together."""
