"""Node classes that the stand-in can run."""
