"""The form of a workflow: which inputs are shown, as what, and how values are checked and filled
in. Pure."""
