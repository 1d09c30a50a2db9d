"""Graphs of typed nodes: schema, checks, templates and the runner."""
