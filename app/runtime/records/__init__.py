"""Formats of the records on Shoal's own topics. Pure."""
