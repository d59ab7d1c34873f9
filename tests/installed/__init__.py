"""Shoal as it is installed: its wheel in an environment of its own, outside of the checkout."""
