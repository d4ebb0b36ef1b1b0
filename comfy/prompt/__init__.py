"""The prompt, which is the graph that is posted, and everything that is done to it before. Pure."""
