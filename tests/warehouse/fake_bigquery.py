"""A part of BigQuery on this machine: jobs.insert and jobs.get as its REST reference has them, load jobs over a folder.

It stands for what the documentation promises: a job id is accepted once, a job reads its files when it runs, and
replaces a partition in one step or not at all.
"""

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet

URL = "gs://bucket/shoal"
PATH = re.compile(r"/bigquery/v2/projects/([\w-]+)/jobs(?:/([\w-]+))?(?:\?location=(\w+))?")
LOAD_KEYS = {
    *("sourceUris", "sourceFormat", "destinationTable", "timePartitioning"),
    *("createDisposition", "writeDisposition", "schema", "schemaUpdateOptions"),
}
TYPES = {"STRING": pyarrow.string(), "INTEGER": pyarrow.int64(), "TIMESTAMP": pyarrow.timestamp("ms", tz="UTC")}
Answer = tuple[int, dict[str, Any]]


@dataclass
class FakeBigQuery:
    """`folder`: stands for the bucket. `asks_until_done`: how often a job is asked for before it runs."""

    folder: Path
    asks_until_done: int = 1
    answer: Answer | None = None  # to everything, in place of the right one
    fails_at: str | None = None  # a job whose id has this part fails
    jobs: dict[str, dict[str, Any]] = field(default_factory=dict)
    refused: list[str] = field(default_factory=list)
    partitions: dict[tuple[str, str], pyarrow.Table] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def insert(self, project: str, body: dict[str, Any]) -> Answer:
        """See jobs.insert."""
        reference, load = body["jobReference"], body["configuration"]["load"]
        job_id = reference["jobId"]
        if reference["projectId"] != project or not re.fullmatch(r"[\w-]{1,1024}", job_id) or set(load) != LOAD_KEYS:
            return _error(400, "invalid", f"wrong request {body}")
        if job_id in self.jobs:
            self.refused.append(job_id)
            return _error(409, "duplicate", f"Already Exists: Job {project}:US.{job_id}")
        self.jobs[job_id] = {"load": load, "asks": 0, "status": {"state": "PENDING"}}
        return 200, {"kind": "bigquery#job", "jobReference": reference, "status": {"state": "PENDING"}}

    def get(self, job_id: str) -> Answer:
        """See jobs.get. The job runs when it was asked for often enough."""
        job = self.jobs.get(job_id)
        if job is None:
            return _error(404, "notFound", f"Not found: Job {job_id}")
        job["asks"] += 1
        if job["status"]["state"] != "DONE":
            job["status"] = {"state": "RUNNING"}
            if job["asks"] >= self.asks_until_done:
                job["status"] = {"state": "DONE"} | self._run(job_id, job["load"])
        return 200, {"kind": "bigquery#job", "status": job["status"]}

    def _run(self, job_id: str, load: dict[str, Any]) -> dict[str, Any]:
        error: dict[str, Any] = {"errorResult": {"reason": "invalid", "message": "Error while\nreading \x1b[31mdata"}}
        if self.fails_at is not None and self.fails_at in job_id:
            return error
        table, _, day = load["destinationTable"]["tableId"].partition("$")
        assert re.fullmatch(r"\d{8}", day)
        assert load["timePartitioning"] == {"type": "DAY"}
        assert load["writeDisposition"] == "WRITE_TRUNCATE"
        schema = pyarrow.schema([(each["name"], TYPES[each["type"]]) for each in load["schema"]["fields"]])
        found = []
        for uri in load["sourceUris"]:
            path = self.folder / uri.removeprefix(f"{URL}/")
            if not path.exists():
                return {"errorResult": {"reason": "notFound", "message": f"Not found: URI {uri}"}}
            found.append(pyarrow.parquet.read_table(path, partitioning=None).replace_schema_metadata(None).cast(schema))
        self.partitions[table, day] = pyarrow.concat_tables(found)
        return {}

    def table(self, name: str) -> pyarrow.Table:
        """All rows of a table."""
        return pyarrow.concat_tables([rows for (table, _), rows in self.partitions.items() if table == name])

    def places(self, name: str) -> list[tuple[int, int]]:
        """Partition and offset of each row of a table, in order."""
        rows = [self.table(name)[column].to_pylist() for column in ("kafka_partition", "kafka_offset")]
        return sorted(zip(*rows, strict=True))


def _error(code: int, reason: str, message: str) -> Answer:
    return code, {"error": {"code": code, "message": message, "errors": [{"reason": reason, "message": message}]}}


@contextmanager
def served(fake: FakeBigQuery) -> Iterator[str]:
    """Serves it; its address."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            found = PATH.fullmatch(self.path)
            with fake.lock:
                self.reply(fake.answer or (fake.insert(found[1], body) if found else _error(404, "notFound", "?")))

        def do_GET(self) -> None:
            found = PATH.fullmatch(self.path)
            with fake.lock:
                self.reply(fake.answer or (fake.get(found[2]) if found else _error(404, "notFound", "?")))

        def reply(self, answer: Answer) -> None:
            code, body = answer
            data = json.dumps(body).encode()
            self.send_response(code)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: Any) -> None:
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
