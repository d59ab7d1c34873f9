"""Logs of our processes: one line an event, on standard error, for people or as JSON."""

import json
import logging
import sys
import time
import traceback
from typing import Any

from aiokafka.errors import KafkaError

from app.errors import UserError
from app.events.visible_text import visible, visible_json
from app.settings import LogFormat

REPEAT_S = 10.0
LIBRARIES = ("aiokafka", "faust", "mode", "asyncio")
TOLD_OTHERWISE = (
    "Crashed reason=",
    "We experienced a crash!",
    "Error while stopping child",
    "Thread keepalive is not responding",
)
"""What libraries say of the end of a worker, or of one that stood still, which says it itself, once and in words."""
NOT_USED = ("Missing sensor state for rebalance",)
"""What Faust misses of its own sensors when one rebalance follows another: nothing here reads them."""

log = logging.getLogger(__name__)


class SparingFilter(logging.Filter):
    """Lets the same message of a library through only every few seconds: an outage must not fill a disk."""

    def __init__(self, repeat_s: float = REPEAT_S) -> None:
        super().__init__()
        self._repeat_s = repeat_s
        self._last_s: dict[tuple[str, str], float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """True if this one is shown."""
        if record.levelno < logging.WARNING and str(record.msg).startswith("[^"):
            return False  # Faust's services log their start and stop under the names of our modules
        if any(what in str(record.msg) for what in (*TOLD_OTHERWISE, *NOT_USED)) and not log.isEnabledFor(
            logging.DEBUG
        ):
            return False
        if not record.name.startswith(LIBRARIES):
            return True
        key = (record.name, str(record.msg))
        now_s = time.monotonic()
        if now_s - self._last_s.get(key, -self._repeat_s) < self._repeat_s:
            return False
        if len(self._last_s) > 1_000:
            self._last_s.clear()
        self._last_s[key] = now_s
        return True


class _SilentTraces(logging.Formatter):
    """Traces without the text of the last error, unless it comes from the system or is for people: the text of others,
    such as a KeyError, may contain an id of a user."""

    def formatException(self, ei: Any) -> str:  # noqa: N802  # the name of logging
        kind, error, trace = ei
        if error is None or isinstance(error, OSError | KafkaError | UserError):
            return super().formatException(ei)
        return "".join([*traceback.format_tb(trace), kind.__name__]).rstrip()


class _Formatter(_SilentTraces):
    def format(self, record: logging.LogRecord) -> str:
        level = "" if record.levelno == logging.INFO else f"{record.levelname.lower()}: "
        source = "" if record.name.startswith(("app.", "agents.")) else f" ({record.name})"
        clock = time.strftime("%H:%M:%S", time.localtime(record.created))
        text = f"{clock}.{int(record.msecs):03d} {level}{record.getMessage()}{source}"
        if record.exc_info:
            text = f"{text}\n{self.formatException(record.exc_info)}"
        return visible(text).replace("\n", "\n  ")  # no text from outside may begin a line


class JsonFormatter(_SilentTraces):
    """One JSON object a line: `time` (UTC), `level`, `logger`, `message`, and `error`, a trace, where there is one."""

    def format(self, record: logging.LogRecord) -> str:
        """The line, without its end."""
        clock = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        said = {
            "time": f"{clock}.{int(record.msecs):03d}Z",
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            said["error"] = self.formatException(record.exc_info)
        return visible_json(json.dumps(said, ensure_ascii=False))


def log_to_stderr(level: str, form: LogFormat) -> None:
    """Our own lines from `level` on; the libraries' from warning on (all of them at `debug`)."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter() if form == "json" else _Formatter())
    handler.addFilter(SparingFilter())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for library in LIBRARIES:
        logging.getLogger(library).setLevel(logging.DEBUG if level == "debug" else logging.WARNING)
    if level != "debug":
        # aiokafka logs a rebalance or a lost connection repeatedly; the partitions log it once.
        logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    logging.captureWarnings(capture=True)
