"""What lives on a cluster between commands: the runner and the hub as services."""
