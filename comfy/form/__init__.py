"""A workflow's form: which inputs it shows and how, and how values are checked and filled in.
Pure."""
