"""The tests of spinbot."""
