"""Base classes of the batch and chain queues."""
