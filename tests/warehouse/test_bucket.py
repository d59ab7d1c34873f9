"""A bucket of S3 (the server of moto) keeps what two exporters write, and errors are said in words."""

import logging
import sys
from collections.abc import Iterator
from pathlib import Path

import duckdb
import httpx
import pyarrow
import pyarrow.parquet
import pytest
from moto.server import ThreadedMotoServer

from agents.warehouse import create_app
from app.errors import UserError
from app.warehouse.export import PartitionExport
from app.warehouse.store import BucketStore, ConflictError, open_store
from tests.warehouse.making import DAY_MS, START_MS, change, settings_with
from tests.warehouse.reading import table_of


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The URL of a path in an empty bucket."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    address = f"http://{host}:{port}"
    httpx.put(f"{address}/shoal").raise_for_status()
    for name, value in {
        "AWS_ENDPOINT_URL": address,
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_REGION": "us-east-1",
        "AWS_ALLOW_HTTP": "true",
    }.items():
        monkeypatch.setenv(name, value)
    yield "s3://shoal/warehouse"
    server.stop()


def exporter(url: str) -> PartitionExport:
    settings = settings_with(warehouse=url)
    return PartitionExport(open_store(url), table_of(settings, "changes"), 0, settings)


def rows_of(url: str) -> list[int]:
    """Offsets of all rows, read as another program would."""
    import obstore

    store = open_store(url)
    assert isinstance(store, BucketStore)
    found: list[int] = []
    for some in obstore.list(store._bucket, "changes"):
        for each in some:
            data = obstore.get(store._bucket, each["path"]).bytes()
            table = pyarrow.parquet.read_table(pyarrow.BufferReader(bytes(data)))
            with duckdb.connect() as connection:
                found += [offset for (offset,) in connection.from_arrow(table).project("kafka_offset").fetchall()]
    return sorted(found)


def test_two_exporters_of_one_partition_write_each_record_once(bucket: str) -> None:
    log = [change(offset, START_MS + offset % 2 * DAY_MS) for offset in range(40)]
    old, new = exporter(bucket), exporter(bucket)
    old.write(log[:10], 10)
    assert new.position() == 10
    new.write(log[10:30], 30)
    with pytest.raises(ConflictError):
        old.write(log[10:20], 20)
    again = exporter(bucket)
    assert again.position() == 30
    again.write(log[5:], 40)
    assert rows_of(bucket) == list(range(40))


def test_a_file_that_is_there_is_not_begun_again(bucket: str) -> None:
    store = open_store(bucket)
    version = store.write("a/b.parquet", b"1", replaces=None)
    with pytest.raises(ConflictError):
        store.write("a/b.parquet", b"2", replaces=None)
    assert store.write("a/b.parquet", b"3", replaces=version) != version
    with pytest.raises(ConflictError):
        store.write("a/b.parquet", b"4", replaces=version)
    found = store.read("a/b.parquet")
    assert found is not None
    assert found.data == b"3"
    assert store.read("a/c.parquet") is None
    assert store.last("a", "b") == "a/b.parquet"
    assert store.last("a", "c") is None
    assert store.files("a") == {"a/b.parquet": found.version}
    last = store.write("a/d/e.parquet", b"5", replaces=None)
    store.write("a/f.json", b"6", replaces=None)
    assert store.files("a") == {"a/b.parquet": found.version, "a/d/e.parquet": last}
    assert store.files("c") == {}


def test_a_bucket_that_does_not_exist_is_said_in_words(bucket: str) -> None:
    with pytest.raises(UserError, match=r"s3://nowhere/x cannot be used: .*404"):
        exporter("s3://nowhere/x").write([change(0)], 1)


def test_places_that_cannot_be_are_said_in_words() -> None:
    for place, words in {
        "": "no place",
        "ftp://a/b": "cannot write to ftp://",
        "/dev/null/x": "cannot write to",
    }.items():
        with pytest.raises(UserError, match=words):
            open_store(place)


@pytest.mark.parametrize(("package", "place"), [("pyarrow", "there"), ("obstore", "s3://shoal/there")])
def test_a_package_that_is_not_installed_is_named_with_the_command_that_installs_it(
    package: str, place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(UserError, match=f"needs {package}") as raised:
        create_app(settings_with(warehouse=place))
    assert "pip install" in str(raised.value)
