"""Rates and pauses: how often something may be done, and when it is tried again. Pure."""
