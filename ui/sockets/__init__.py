"""WebSockets of the page: run previews and news."""
