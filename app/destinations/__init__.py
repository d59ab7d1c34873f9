"""Changes to other people's services over HTTP: what is sent where, in which order, how often, and when not."""
