"""Shared parts of the tests: brokers, and waiting for a condition."""
