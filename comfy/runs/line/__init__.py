"""The line of waiting runs: whose turn is next, and when."""
