"""Properties that hold of any catalog and any history, tried on many of both."""
