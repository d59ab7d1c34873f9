"""The jars of a real Apache Kafka, by Maven, once for each version of `kafka/pom.xml`."""

from pathlib import Path
from typing import Final

from tests.support.maven import CACHE, JavaUnavailableError, check_java, made_once, run_maven

POM: Final = Path(__file__).parent / "kafka" / "pom.xml"
DOWNLOAD_TIMEOUT_S: Final = 240


class KafkaUnavailableError(Exception):
    """This machine cannot run Apache Kafka; the message says why."""


def kafka_jars() -> Path:
    """The folder of jars, downloaded if need be (43 MB); raises KafkaUnavailableError.

    Safe to call from several processes at once: the first one downloads, the others wait.
    """
    try:
        check_java("Apache Kafka")
        return made_once(CACHE / "kafka", [POM], _download)
    except JavaUnavailableError as error:
        raise KafkaUnavailableError(str(error)) from None


def _download(folder: Path) -> None:
    goals = ("dependency:copy-dependencies", f"-DoutputDirectory={folder}")
    run_maven(POM, *goals, what="Apache Kafka", timeout_s=DOWNLOAD_TIMEOUT_S)
