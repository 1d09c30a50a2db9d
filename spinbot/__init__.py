"""spinbot: a self-hosted studio that turns a sentence into a talking video of a person."""

__version__ = "0.1.0"
