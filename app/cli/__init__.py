"""The command `shoal`: one file a command, put together in `main`."""
