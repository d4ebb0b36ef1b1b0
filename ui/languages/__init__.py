"""Languages of the page, with a catalog for each in gettext's own format."""
