"""Pictures, sound and video as files and arrays: reading, checking, encoding, captions, credentials."""
