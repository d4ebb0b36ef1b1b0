"""State outside of runs that all processes on one database share."""
