"""The slot `voice_trainer`: recordings of a person become a voice."""
