"""The peers in Java are started, and reported where they cannot be. Builds and starts nothing."""

from pathlib import Path

import pytest

from tests.benchmarks.peers import java_jobs
from tests.benchmarks.peers.java_jobs import JAVA_JOBS, PROJECT, JavaJob
from tests.support import maven
from tests.support.maven import JavaUnavailableError, made_once, run_maven


@pytest.mark.parametrize("job", JAVA_JOBS, ids=lambda job: job.module)
def test_a_job_is_started_from_its_own_jars(job: JavaJob, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(java_jobs, "java_jars", lambda: tmp_path)
    command = job.command("127.0.0.1:9092", "in", "out", tmp_path / "state", ["--delivery", "at-least-once"])
    assert command[0] == "java"
    main = command.index(job.main)
    assert command[main - 2 : main] == ["-cp", f"{tmp_path}/lib/{job.module}/*"]
    given = ["127.0.0.1:9092", "in", "out", f"{tmp_path}/state", "--delivery", "at-least-once"]
    assert command[main + 1 :] == given


@pytest.mark.parametrize("job", JAVA_JOBS, ids=lambda job: job.module)
def test_its_main_class_is_there(job: JavaJob) -> None:
    source = PROJECT / job.module / "src" / "main" / "java" / f"{job.main.replace('.', '/')}.java"
    assert "public static void main" in source.read_text()


@pytest.mark.parametrize("job", JAVA_JOBS, ids=lambda job: job.module)
def test_its_options_are_those_that_it_reads(job: JavaJob) -> None:
    sources = "".join(path.read_text() for path in (PROJECT / job.module).rglob("*.java"))
    for name, values in (("--delivery", ("exactly-once", "at-least-once")), *job.options):
        assert f'option("{name}", ' + ", ".join(f'"{value}"' for value in values) in sources


def test_without_java_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(JavaUnavailableError, match="no java on the path"):
        java_jobs.java_jars()


def test_without_maven_it_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(java_jobs, "check_java", lambda what: None)
    monkeypatch.setattr(java_jobs, "CACHE", tmp_path)
    monkeypatch.setenv("PATH", "")
    with pytest.raises(JavaUnavailableError, match=r"no mvn \(Maven\) on the path; it downloads the peers in Java"):
        java_jobs.java_jars()


def test_an_old_java_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    java = tmp_path / "java"
    java.write_text("#!/bin/sh\necho 'openjdk version \"11.0.2\"' >&2\n")
    java.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(JavaUnavailableError, match=r"wants Java 17 or newer; .*11\.0\.2"):
        maven.check_java("a peer in Java")


def test_what_maven_says_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mvn = tmp_path / "mvn"
    mvn.write_text("#!/bin/sh\necho no such artifact\nexit 1\n")
    mvn.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(JavaUnavailableError, match="no such artifact"):
        run_maven(tmp_path / "pom.xml", "package", what="a thing", timeout_s=60)


def test_it_is_made_once_for_each_version_of_the_sources(tmp_path: Path) -> None:
    source = tmp_path / "pom.xml"
    made: list[Path] = []

    def make(folder: Path) -> None:
        folder.mkdir()
        made.append(folder)

    source.write_text("one")
    first = made_once(tmp_path / "cache", [source], make)
    assert made_once(tmp_path / "cache", [source], make) == first
    assert len(made) == 1
    source.write_text("two")
    second = made_once(tmp_path / "cache", [source], make)
    assert second != first
    assert first.is_dir()
    assert second.is_dir()
    assert len(made) == 2
