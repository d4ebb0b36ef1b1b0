"""What the person who runs the app sees and does: metrics, and a page of servers and runs."""
