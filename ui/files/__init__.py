"""Files from users, on their way into form fields and from there to a run."""
