"""The web console: pages for people, and the API under `/console/v1` that these pages use."""
