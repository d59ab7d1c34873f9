"""docs/performance.md: prose from sections/, one file a benchmark; every number and chart from docs/figures."""
