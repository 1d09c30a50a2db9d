"""What the studio's server answers beside the pages: each request in the name of the visitor whose key it carries."""
