"""Items for users: learnt from files of events, measured on later ones, and served out of Redis."""
