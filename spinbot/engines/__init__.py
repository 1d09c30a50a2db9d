"""One model implementation per file, behind a slot. Plain Python; no Ray."""
