"""OpenAI's image API over workflows, at `/v1`."""
