"""Clickstream messages: types, decoding, event time."""
