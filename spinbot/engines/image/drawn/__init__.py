"""Portraits drawn as vector graphics: the attributes are read out of the prompt, the rest is drawn by lot."""
