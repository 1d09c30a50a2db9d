"""Speech engines: text becomes sound with phoneme times."""
