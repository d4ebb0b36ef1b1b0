"""Base of the batch and chain queues."""
