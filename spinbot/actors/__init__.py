"""Processes that keep engines loaded. The only place, beside serve, that knows Ray."""
