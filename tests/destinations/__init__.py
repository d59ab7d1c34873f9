"""Destinations: files, templates, addresses, queues, breaker; and the whole, against receivers on this machine."""
