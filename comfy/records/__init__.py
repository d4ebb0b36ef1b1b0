"""Records of runs, their database, and the files that belong to them."""
