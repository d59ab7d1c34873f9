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

# Each command by name: its module with the function, and its line in the list of commands.
COMMANDS = {
    "demo": ("app.cli.demo:demo", "Run a simulated shop on this machine and show its segments live."),
    "local": ("app.cli.local:local", "Run a broker and a Redis on this machine, for trials."),
    "init": ("app.cli.init:init", "Write a first folder of segments, with tests and editor settings."),
    "import": (
        "app.cli.import_definitions:import_definitions",
        "Translate segments of another product into files.",
    ),
    "files": ("app.cli.files:files", "Show the folders of files that come with Shoal, to copy from."),
    "validate": ("app.cli.validate:validate", "Check a folder of definitions."),
    "test": ("app.cli.test:test", "Run the tests inside the definitions of a folder."),
    "backtest": ("app.cli.backtest:backtest", "Run definitions over files of past events."),
    "rows": ("app.cli.rows:rows", "Make rows for analysis and models: values of users at moments, and labels."),
    "cluster": ("app.cli.cluster:cluster", "Find users who are alike in rows, and write definitions for them."),
    "recluster": ("app.cli.recluster:recluster", "Compare published clusters with those of newer rows."),
    "train": ("app.cli.train:train", "Train a model that says how probable a label is, and measure it on later rows."),
    "model": ("app.cli.model:model", "Make a model file out of a model of XGBoost, LightGBM, ONNX or scikit-learn."),
    "predict": ("app.cli.predict:predict", "Say how probable the label of a model is for each user."),
    "recommend": ("app.cli.recommend:recommend", "Learn which items users come to next, measure it, and publish it."),
    "tracking": (
        "app.cli.tracking:tracking",
        "Learn which events come with which properties, and find what is wrong with them.",
    ),
    "uplift": ("app.cli.uplift:uplift", "Compare the groups of an experiment: who converts more, and by how much."),
    "report": ("app.cli.report:report", "Report on segments, visits, funnels and campaigns, as tables and charts."),
    "explain": ("app.cli.explain:explain", "Explain why a user is in a segment, or not, at an instant."),
    "audit": ("app.cli.audit:audit", "Draw members of a segment for a person to judge, and count the judgements."),
    "plan": ("app.cli.plan:plan", "Show which events change which segments, and in which order."),
    "publish": ("app.cli.publish:publish", "Publish a folder of definitions to running workers."),
    "backfill": ("app.cli.backfill:backfill", "Fill published segments with what happened before them."),
    "catalog": ("app.cli.catalog:catalog", "Show what is published and what was, and go back to it."),
    "census": ("app.cli.census:census", "Count all users, for conditions such as >= top(10%)."),
    "simulate": ("app.cli.simulate:simulate", "Send the events of a simulated shop, or of a file, to Kafka."),
    "verify": ("app.cli.verify:verify", "Compare the changes on Kafka with a recomputation."),
    "privacy": (
        "app.cli.privacy:privacy",
        "Report which data of users are read, why and how long, and who gets them.",
    ),
    "snapshot": ("app.cli.snapshot:snapshot", "Write profiles and positions to a file, to verify from there on."),
    "topics": ("app.cli.topics:topics", "Create the topics, or check them."),
    "serve": ("app.cli.serve:serve", "Run the HTTP service: events in; segments, reasons and changes out."),
    "console": ("app.cli.console:console", "Run the web console: segments, people and changes in a browser."),
    "keys": ("app.cli.keys:keys", "Make a key for the HTTP service, and its hash."),
    "memberships": ("app.cli.memberships:memberships", "Keep, verify or rebuild the current memberships in Redis."),
    "segments": ("app.cli.segments:segments", "Show sizes, overlaps, drift and freshness of segments."),
    "users": ("app.cli.users:users", "Show, split, merge, erase or export a person with all their keys."),
    "lists": ("app.cli.lists:lists", "Put users on static lists: import, add, remove, show, drop."),
    "destinations": ("app.cli.destinations:destinations", "Send changes to other services over HTTP."),
    "replay": ("app.cli.replay:replay", "Process the dead letters of the clickstream again."),
    "intake": ("app.cli.intake:intake", "Copy events from other topics into the clickstream."),
    "warehouse": ("app.cli.warehouse:warehouse", "Write events and changes as Parquet files, for warehouses."),
    "bigquery": ("app.cli.bigquery:bigquery", "Load the files of the warehouse into BigQuery."),
    "worker": ("app.cli.worker:worker", "Run a worker: events in, changes out."),
}

OTHER_WORDS = {
    **dict.fromkeys(("check", "lint", "format"), "validate"),
    **dict.fromkeys(("run", "start", "up", "work"), "worker"),
    **dict.fromkeys(("deploy", "push", "apply", "release"), "publish"),
    **dict.fromkeys(("why", "debug"), "explain"),
    **dict.fromkeys(("server", "http", "api"), "serve"),
    "list": "lists",
    **dict.fromkeys(("user", "person", "people"), "users"),
    **dict.fromkeys(("web", "ui", "dashboard"), "console"),
    **dict.fromkeys(("new", "create"), "init"),
    "tests": "test",
}
"""Words of other tools for commands that have another name here."""

EXIT_CODES = (
    "Exit codes: 0: success. 1: the case named above, or an unexpected error. 2: an error that you can correct (an "
    "option, a setting, a definition, a broker that does not answer); the message says how. 130: Ctrl-C."
)


def create_app(chosen: str = "") -> App:
    """The command line with all its commands. No command is imported, so each has a line in `COMMANDS`; only
    `chosen` shows its own help text."""
    app = App(
        name="shoal",
        help="Keeps the segments of every visitor correct, to the second, while they click.",
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

    The command's own code, or 0; 2 for an error that the user can correct (wrong arguments, a UserError, a full disk);
    130 after Ctrl-C; 141 if the reader of the output has closed it.
    """
    given = sys.argv[1:] if arguments is None else list(arguments)
    errors = SafeConsole(stderr=True)
    code = _run(given, errors)
    # The interpreter flushes both again when it ends. What is still in them was reported, or has no reader.
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
    return code


def _run(given: list[str], errors: SafeConsole) -> int:
    word = next(iter(given), "")
    if word in OTHER_WORDS and word not in COMMANDS:
        return _tell(errors, str(UserError(f"unknown command {word}", hint=f"did you mean shoal {OTHER_WORDS[word]}?")))
    try:
        result = create_app(next(iter(given), ""))(
            given, exit_on_error=False, console=SafeConsole(), error_console=errors
        )
        sys.stdout.flush()
    except CycloptsError:  # already printed
        return EXIT_USER_ERROR
    except UserError as error:
        _tell(errors, str(error))
        return error.exit_code
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
    """Prints an error that the user can correct; the exit code."""
    try:
        errors.print("[bold red]error:[/]", end=" ")
        errors.print(error, markup=False, highlight=False, soft_wrap=True)
    except OSError:  # it has no reader: the exit code says the same
        pass
    return EXIT_USER_ERROR
