"""Several values of fields to rows, each of them what one run is given. Pure but for the reading of
files."""
