"""Pages and routes to sign in, of the account, and of shared results."""
