"""A subscriber of the examples in a process of its own, and what it has written down."""

import json
import sqlite3
import sys
from collections import defaultdict
from contextlib import closing
from pathlib import Path
from typing import Any, Final

from app.embedded.process import GuardedProcess
from app.verification.topic_contents import Cluster
from tests.faults.deployment import ROOT, Deployment
from tests.support.waiting import eventually

EXAMPLES: Final = ROOT / "examples" / "subscriber"
CLIENTS: Final = ("aiokafka", "confluent")


class Subscription:
    """One subscriber's topic and database; its process can be started, killed and started again."""

    def __init__(self, deployment: Deployment, *, client: str, folder: Path, segment: str | None = None) -> None:
        topics = deployment.settings.topics
        self.topic = topics.changes if segment is None else topics.segment(segment)
        self._deployment = deployment
        self._database = folder / f"{client}-{segment}.sqlite"
        self._log = folder / f"{client}-{segment}.log"
        broker = deployment.broker.bootstrap_servers
        self._command = [sys.executable, str(EXAMPLES / f"with_{client}.py"), "--broker", broker, "--topic", self.topic]
        self._command += ["--group", f"{self.topic}.{client}", "--database", str(self._database)]
        self._command += ["--one-segment"] * (segment is not None)
        self._process: GuardedProcess | None = None

    def start(self) -> None:
        """Begins to read, or goes on."""
        self._process = GuardedProcess(self._command, log=self._log)

    def kill(self) -> None:
        """SIGKILL."""
        assert self._process is not None
        self._process.kill()

    def handled(self) -> dict[str, list[dict[str, Any]]]:
        """The changes that it has handled, by user, in the order of handling."""
        found: dict[str, list[dict[str, Any]]] = defaultdict(list)
        for user, change in self._rows("SELECT user, change FROM handled ORDER BY place"):
            found[user].append(json.loads(change))
        return dict(found)

    def gaps(self) -> list[str]:
        """The gaps that it has noticed."""
        return [f"{user}: {told}" for user, told in self._rows("SELECT user, told FROM gaps")]

    async def written(self) -> dict[str, list[dict[str, Any]]]:
        """Returns the content of the topic by user, in order, without repeated ids."""
        found: dict[str, list[dict[str, Any]]] = defaultdict(list)
        seen: set[str] = set()
        async with Cluster(self._deployment.settings) as cluster:
            for partition in range(cluster.partitions):
                async for records in cluster.read(self.topic, partition):
                    for record in records:
                        change = json.loads(record.value)
                        if change["id"] not in seen:
                            seen.add(change["id"])
                            found[change["user"]].append(change)
        return dict(found)

    async def until_handled(self, changes: int, *, within_s: float = 60) -> None:
        """Until it has handled so many."""

        def enough() -> bool:
            return sum(map(len, self.handled().values())) >= changes

        try:
            await eventually(enough, within_s=within_s, what=f"{changes} changes of {self.topic} are handled")
        except TimeoutError as error:
            raise TimeoutError(f"{error}; it says:\n{self._log.read_text()[-2_000:]}") from None

    def _rows(self, query: str) -> list[tuple[Any, ...]]:
        if not self._database.exists():
            return []
        with closing(sqlite3.connect(self._database, timeout=30)) as database:
            try:
                return database.execute(query).fetchall()
            except sqlite3.OperationalError:  # it has not created its tables yet
                return []
