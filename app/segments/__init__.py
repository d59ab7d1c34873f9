"""The definition language and what it means. Pure: time is an argument, nothing is read or written."""
