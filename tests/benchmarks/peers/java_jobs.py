"""The peers in Java: what they are called, how they are built and started."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.support.maven import CACHE, check_java, made_once, run_maven

PROJECT: Final = Path(__file__).parent / "java"
POM: Final = PROJECT / "pom.xml"
BUILD_TIMEOUT_S: Final = 300
#: A fixed heap with space for the profiles of a million users, and the collector with the lowest CPU time for it.
JVM_OPTIONS: Final = (
    "-Xms2g",
    "-Xmx2g",
    "-XX:+UseParallelGC",
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=error",
)


@dataclass(frozen=True, slots=True)
class JavaJob:
    """A peer that runs in a Java virtual machine: `module` of the project, begun at `main`.

    `options` are those that it knows beside `--delivery`, each with its values, the first of them the default.
    """

    name: str
    version: str
    module: str
    main: str
    options: tuple[tuple[str, tuple[str, ...]], ...] = ()
    #: True if it reports changes by time alone.
    timers: bool = True

    def command(
        self, bootstrap: str, input_topic: str, output_topic: str, state_folder: Path, options: Sequence[str] = ()
    ) -> list[str]:
        """The whole command line. Builds the job if need be (120 MB of jars); raises JavaUnavailableError.

        The job's consumer group is called as the output topic.
        """
        classes = java_jars() / "lib" / self.module / "*"
        java = ["java", *JVM_OPTIONS, "-cp", str(classes), self.main]
        return [*java, bootstrap, input_topic, output_topic, str(state_folder), *options]


def java_jars() -> Path:
    """The folder of the built jobs: `lib/<module>` has each one's jars. Raises JavaUnavailableError.

    Built once for each version of the sources; then neither Maven nor a network is needed.
    """
    check_java("a peer in Java")
    sources = sorted(path for path in PROJECT.rglob("*") if path.name == "pom.xml" or path.suffix == ".java")
    return made_once(CACHE / "peers" / "java", sources, _build)


def _build(folder: Path) -> None:
    run_maven(POM, "package", f"-Dbuild.folder={folder}", what="the peers in Java", timeout_s=BUILD_TIMEOUT_S)


def _pinned(name: str) -> str:
    """A version, as `pom.xml` says."""
    found = re.search(rf"<{re.escape(name)}>([^<]+)</", POM.read_text())
    assert found is not None, name
    return found[1]


FLINK: Final = JavaJob(
    name="Apache Flink (Java)",
    version=_pinned("flink.version"),
    module="flink",
    main="shoal.peers.flink.SegmentationJob",
    options=(("--checkpoints", ("on", "off")),),
)
KAFKA_STREAMS: Final = JavaJob(
    name="Kafka Streams",
    version=_pinned("kafka.version"),
    module="streams",
    main="shoal.peers.streams.SegmentationApplication",
)
JAVA_JOBS: Final = (FLINK, KAFKA_STREAMS)
