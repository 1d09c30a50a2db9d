"""What must outlive a process: artifacts by content hash, and jobs with their events."""
