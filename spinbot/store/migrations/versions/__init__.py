"""Steps, in the order of their names."""
