"""Reports about a catalog before it runs: footprint, cold start, limits, time-travel tests."""
