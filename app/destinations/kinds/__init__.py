"""Kinds of destinations, one a file. Each is found here by itself, and registers itself: `app.destinations.kind`."""
