"""One family of node types per file; importing the package registers them all."""
