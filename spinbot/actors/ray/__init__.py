"""Everything that touches Ray: its start and end, hosts and services as actors, artifacts across machines."""
