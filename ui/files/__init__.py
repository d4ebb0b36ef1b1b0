"""Files that people give, on their way onto the fields of forms and from there to a run."""
