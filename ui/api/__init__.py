"""REST for programs, below `/api/v1`: all is done by the services that the page calls."""
