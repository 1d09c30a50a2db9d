"""Script engines: a topic becomes a narration."""
