"""Face engines: detection and the 468-point mesh."""
