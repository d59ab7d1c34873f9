"""Definitions on their way to the workers: edited texts, shared drafts, reviews, publications."""
