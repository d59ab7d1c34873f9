"""Writes everything that one micro-batch produces, exactly once or at least once."""
