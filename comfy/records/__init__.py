"""What is remembered of runs: records, their database, the files that belong to them."""
