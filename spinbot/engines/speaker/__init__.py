"""The slot `speaker`: who speaks, as a vector."""
