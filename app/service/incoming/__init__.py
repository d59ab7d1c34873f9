"""Events of requests, read and checked: what the libraries send, what other services push, the tracking plan."""
