"""Generates the Python code of a catalog: one function per event name and four per segment."""
