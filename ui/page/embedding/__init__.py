"""Forms in the pages of other sites."""
