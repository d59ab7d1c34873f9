"""Folders of definition files, and publishing them to the catalog topic."""
