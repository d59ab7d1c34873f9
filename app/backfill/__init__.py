"""Backfill: segments learn what happened before they were published, by a command or out of the console."""
