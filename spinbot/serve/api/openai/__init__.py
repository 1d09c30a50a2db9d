"""OpenAI's routes, so that clients written for them work here."""
