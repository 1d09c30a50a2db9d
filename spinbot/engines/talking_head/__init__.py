"""Talking-head engines: a still portrait becomes frames that speak."""
