"""The HTTP API: a plain FastAPI application over a `Backend`, which knows nothing of Ray."""
