"""The installed package: the command `shoal`, and the folder that only its own processes import from."""
