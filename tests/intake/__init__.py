"""Intake: what records of sources come to, and the whole on each broker."""
