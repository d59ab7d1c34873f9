"""Requests and answers of every HTTP application of ours: bodies, problems, connections, limits, OpenAPI."""
