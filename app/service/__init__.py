"""The HTTP service: events in, and who is in which segment out. It decides nothing about segments."""
