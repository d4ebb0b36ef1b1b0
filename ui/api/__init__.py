"""REST API for programs, below `/api/v1`. It uses the same services as the page."""
