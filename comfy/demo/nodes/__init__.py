"""The node classes that the stand-in can run."""
