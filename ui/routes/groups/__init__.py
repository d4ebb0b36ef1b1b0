"""Routes for what is more than one run: batches and chains."""
