"""Several app processes on one database, and the commands `comfyforms cluster`."""
