"""The command `shoal`. A command's module is imported when that command runs, so `shoal --help` stays quick."""

import errno
import os
import sys
from collections.abc import Sequence
from importlib.metadata import version

from cyclopts import App, CycloptsError

from app.console.safe_console import SafeConsole
from app.errors import UserError

EXIT_OK = 0
EXIT_USER_ERROR = 2
EXIT_INTERRUPTED = 128 + 2  # SIGINT, as shells count it
EXIT_BROKEN_PIPE = 128 + 13  # SIGPIPE
NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})

# name: where it stands, what it does
COMMANDS = {
    "demo": ("app.cli.demo:demo", "A simulated shop on this machine, live."),
    "local": ("app.cli.local:local", "A broker and a Redis on this machine, for trying."),
    "init": ("app.cli.init:init", "Write a first folder of segments, with tests and editor settings."),
    "files": ("app.cli.files:files", "The folders of files that come with Shoal, to copy from."),
    "validate": ("app.cli.validate:validate", "Check a folder of definitions."),
    "test": ("app.cli.test:test", "Run the tests inside the definitions of a folder."),
    "backtest": ("app.cli.backtest:backtest", "What definitions say about files of past events."),
    "explain": ("app.cli.explain:explain", "Why a user is in a segment, or not, at an instant."),
    "plan": ("app.cli.plan:plan", "What an event touches, and which segments are settled when."),
    "publish": ("app.cli.publish:publish", "Make a folder of definitions the catalog of running workers."),
    "catalog": ("app.cli.catalog:catalog", "What is published: since when, in which version."),
    "simulate": ("app.cli.simulate:simulate", "Send the events of a simulated shop, or of a file, to Kafka."),
    "verify": ("app.cli.verify:verify", "Compare the changes on Kafka with a backtest."),
    "topics": ("app.cli.topics:topics", "Make the topics, or tell what is wrong with them."),
    "serve": ("app.cli.serve:serve", "The HTTP service: events in; segments, reasons and changes out."),
    "keys": ("app.cli.keys:keys", "Make a key for the HTTP service, and its hash."),
    "memberships": ("app.cli.memberships:memberships", "Who is in what, now, in Redis: kept, compared, made anew."),
    "destinations": ("app.cli.destinations:destinations", "Tell other services of changes over HTTP."),
    "replay": ("app.cli.replay:replay", "Bring the dead letters of the clickstream in once more."),
    "intake": ("app.cli.intake:intake", "Bring other topics, with any key or of GA4, into the clickstream."),
    "worker": ("app.cli.worker:worker", "Run a worker: events in, changes out."),
}


EXIT_CODES = (
    "Exit codes: 0 if all is well; 1 for what is told above, or what nobody foresaw; 2 for what you can mend (an "
    "option, a setting, a definition, a broker that is not there), and the error says how; 130 after Ctrl-C."
)


def create_app(chosen: str = "") -> App:
    """The command line with all its commands. None is imported, so a line stands for each; all that `chosen` says of
    itself is shown by its help."""
    app = App(
        name="shoal",
        help="Keeps every visitor's segments true, to the second, while they click.",
        help_epilogue=EXIT_CODES,
        version=lambda: version("shoal"),
        result_action="return_value",
        suppress_keyboard_interrupt=False,
    )
    for name, (import_path, summary) in COMMANDS.items():
        app.command(import_path, name=name, **({} if name == chosen else {"help": summary}))
    return app


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the exit code.

    What the command returned or 0; 2 for what the user can mend (wrong arguments, a UserError, a full disk); 130 after
    Ctrl-C; 141 when whoever read the output has left.
    """
    given = sys.argv[1:] if arguments is None else list(arguments)
    errors = SafeConsole(stderr=True)
    code = _run(given, errors)
    # The interpreter flushes both once more when it ends: what is still in them was told, or nobody takes it.
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
    return code


def _run(given: list[str], errors: SafeConsole) -> int:
    try:
        result = create_app(next(iter(given), ""))(
            given, exit_on_error=False, console=SafeConsole(), error_console=errors
        )
        sys.stdout.flush()
    except CycloptsError:  # already printed
        return EXIT_USER_ERROR
    except UserError as error:
        return _tell(errors, str(error))
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        return EXIT_BROKEN_PIPE
    except OSError as error:
        if error.errno not in NO_ROOM:
            raise
        return _tell(errors, f"cannot write {error.filename or 'the output'}: {error.strerror}")
    return result if isinstance(result, int) else EXIT_OK


def _tell(errors: SafeConsole, error: str) -> int:
    """Prints what the user can mend; the exit code."""
    try:
        errors.print("[bold red]error:[/]", end=" ")
        errors.print(error, markup=False, highlight=False, soft_wrap=True)
    except OSError:  # nobody reads it: the exit code says the same
        pass
    return EXIT_USER_ERROR
