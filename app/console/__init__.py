"""Terminal output: the live view, its plain-text version, and shared formatting.
common."""
