"""Programs that measure: `python -m tests.benchmarks`, or `make bench`. They are no tests, and assert no speed."""
