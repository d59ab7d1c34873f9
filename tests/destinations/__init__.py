"""Destinations: files, templates, addresses, lanes, breaker; and the whole, against receivers on this machine."""
