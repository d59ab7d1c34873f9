"""Verification: recomputes all changes from the input and the journal, and compares them with those on Kafka."""
