"""Learning from rows, with the packages of the extra `learn`: a module here is imported inside of functions only."""
