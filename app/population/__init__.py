"""Reports about all segments together: sizes, overlaps, drift and freshness."""
