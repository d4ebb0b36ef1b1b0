"""Webhooks that report finished runs, batches and chains to other programs. They are signed, and
retried until they arrive."""
