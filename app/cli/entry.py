"""Where the command `shoal` begins: before anything is imported that takes its time."""


def main() -> int:
    """Runs the command line; Ctrl-C while it is still being loaded ends it as quietly as later."""
    try:
        from app.cli.main import main as run

        return run()
    except KeyboardInterrupt:
        return 130
