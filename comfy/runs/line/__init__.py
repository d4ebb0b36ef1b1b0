"""The line of runs that wait: whose turn it is next, and when."""
