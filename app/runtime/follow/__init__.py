"""Reads a topic partition by partition for the processes that follow changes."""
