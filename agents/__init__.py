"""The Faust agents, one a file."""
