"""Recognition engines: sound becomes text with word times."""
