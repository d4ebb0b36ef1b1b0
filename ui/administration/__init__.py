"""Administrators' actions and figures, for their pages and for REST."""
