"""Pages and routes for signing in, for the account, and for shared results."""
