"""Administration: metrics, and a page of servers and runs."""
