"""The jars of a real Apache Kafka, by Maven, once for each version of `kafka/pom.xml`."""

import fcntl
import hashlib
import re
import shutil
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[2]
CACHE = ROOT / ".cache" / "kafka"
POM = Path(__file__).parent / "kafka" / "pom.xml"
JAVA_VERSION_MIN = 17
DOWNLOAD_TRIES = 3
DOWNLOAD_TIMEOUT_S = 240


class KafkaUnavailableError(Exception):
    """This machine cannot run Apache Kafka; the message says why."""


def kafka_jars() -> Path:
    """The folder of jars, downloaded if need be (43 MB); raises KafkaUnavailableError.

    Safe to call from several processes at once: the first one downloads, the others wait.
    """
    check_java()
    wanted = CACHE / hashlib.sha256(POM.read_bytes()).hexdigest()[:12]
    if wanted.is_dir():
        return wanted
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not wanted.is_dir():
            partial = wanted.with_suffix(".partial")
            _download(partial)
            partial.rename(wanted)
    return wanted


def check_java() -> None:
    """Raise KafkaUnavailableError unless there is a Java that runs Kafka 4."""
    java = shutil.which("java")
    if java is None:
        raise KafkaUnavailableError(f"no java on the path; Kafka wants Java {JAVA_VERSION_MIN} or newer")
    said = subprocess.run([java, "-version"], capture_output=True, text=True, timeout=60, check=False).stderr
    match = re.search(r'version "(\d+)', said)
    if match is None or int(match[1]) < JAVA_VERSION_MIN:
        raise KafkaUnavailableError(f"Kafka wants Java {JAVA_VERSION_MIN} or newer; {java} says: {said.strip()}")


def _download(folder: Path) -> None:
    mvn = shutil.which("mvn")
    if mvn is None:
        raise KafkaUnavailableError("no mvn (Maven) on the path; it downloads Apache Kafka")
    command = [
        *(mvn, "--batch-mode", "--no-transfer-progress", "--quiet", "--file", str(POM)),
        *("dependency:copy-dependencies", f"-DoutputDirectory={folder}"),
    ]
    said = ""
    for _ in range(DOWNLOAD_TRIES):
        shutil.rmtree(folder, ignore_errors=True)
        try:
            subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                timeout=DOWNLOAD_TIMEOUT_S,
                check=True,
            )
        except subprocess.CalledProcessError as error:
            said = error.stdout
        except subprocess.TimeoutExpired:
            said = f"no end after {DOWNLOAD_TIMEOUT_S} s"
        else:
            return
    raise KafkaUnavailableError(f"Maven could not download Apache Kafka in {DOWNLOAD_TRIES} tries:\n{said[-2_000:]}")
