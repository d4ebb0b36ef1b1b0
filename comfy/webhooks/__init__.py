"""Webhooks to programs elsewhere, once what they have started has ended: signed, and sent again
until they arrive."""
