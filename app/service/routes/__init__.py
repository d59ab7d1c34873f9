"""The paths of the service: they read requests, ask, and write answers."""
