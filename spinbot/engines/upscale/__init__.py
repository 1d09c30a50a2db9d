"""Upscaling engines: a small picture becomes a large one."""
