"""Explains syntax errors to people who do not program."""
