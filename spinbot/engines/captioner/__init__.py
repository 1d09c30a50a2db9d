"""The slot `captioner`: what a picture shows, in words, for the training of a look."""
