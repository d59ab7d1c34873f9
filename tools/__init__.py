"""Generators of files that ship: dashboards, the OpenAPI document, tables in the docs, docs/performance.md with charts.

The tests compare what these programs write with the files in the repository.
"""
