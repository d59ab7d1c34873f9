"""Definition files: reading YAML, checking, and the ordered, versioned catalog."""
