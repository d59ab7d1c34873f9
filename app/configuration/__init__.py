"""Description of a setting, and reading of its value."""
