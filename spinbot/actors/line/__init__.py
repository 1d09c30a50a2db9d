"""The line between a runner and a host: one socket on which calls go out, and messages and answers come back."""
