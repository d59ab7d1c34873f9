"""The image: from the lock file, with no more rights and files than it needs."""

import re
import tomllib

from app.cli.main import COMMANDS
from app.settings import load_settings
from tests.deploy.files import CONTAINERFILE, ROOT, compose_services, objects

LINES = CONTAINERFILE.replace("\\\n", " ").splitlines()
LOCKED = set(re.findall(r"^([a-z0-9-]+)==", (ROOT / "requirements.lock").read_text("utf-8"), re.MULTILINE))
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]


def environment() -> dict[str, str]:
    """Returns the environment of the last stage."""
    last = CONTAINERFILE.replace("\\\n", " ").rpartition("\nFROM ")[2]
    return dict(re.findall(r"(\w+)=(\S+)", " ".join(re.findall(r"^ENV (.*)$", last, re.MULTILINE))))


def test_it_starts_with_settings_that_exist() -> None:
    settings = load_settings(environment())
    assert settings.web_port == 9100
    assert settings.web_host == settings.serve_host == "0.0.0.0"


def test_every_file_that_is_installed_has_the_hash_of_the_lock_file() -> None:
    for install in re.findall(r"(?:pip|uv pip) install [^&]*", " ".join(LINES)):
        assert "--require-hashes" in install or "--no-deps wheels/" in install, install
    for names in re.findall(r"keep = /\^\(?([^)/]*?)\)?==/", CONTAINERFILE):
        assert set(names.split("|")) <= LOCKED


def test_only_what_runs_is_installed() -> None:
    assert re.findall(r"--extra (\S+)", CONTAINERFILE) == [
        *("audiences", "kinesis", "oidc", "parquet", "pubsub", "rocksdb", "tracking", "uplift", "warehouse"),
    ]
    assert "rocksdb" in PROJECT["optional-dependencies"]


def test_it_is_not_root_and_writes_nothing() -> None:
    users = re.findall(r"^USER (\d+):(\d+)$", CONTAINERFILE, re.MULTILINE)
    assert len(users) == 1
    assert int(users[0][0]) > 0
    for name, deployment in objects("Deployment").items():
        context = deployment["spec"]["template"]["spec"]["securityContext"]
        assert (str(context["runAsUser"]), str(context["runAsGroup"])) == users[0], name


def test_the_base_is_pinned() -> None:
    assert re.search(r"^ARG PYTHON=\d+\.\d+\.\d+-slim-\w+$", CONTAINERFILE, re.MULTILINE)
    bases = [line.split()[1] for line in LINES if line.startswith("FROM ")]
    assert bases == ["python:${PYTHON}"] * 2


def test_what_is_copied_is_let_through() -> None:
    let = set(re.findall(r"^!(.+)$", (ROOT / ".dockerignore").read_text("utf-8"), re.MULTILINE))
    copied = {line.split()[1] for line in LINES if line.startswith("COPY ") and "--from" not in line}
    assert copied == let
    assert all((ROOT / each).exists() for each in copied)


def test_the_version_is_everywhere_the_same() -> None:
    tags = {service["image"] for service in compose_services().values() if service["image"].startswith("shoal:")}
    assert tags == {f"shoal:${{IMAGE_TAG:-{PROJECT['version']}}}"}
    for deployment in objects("Deployment").values():
        (container,) = deployment["spec"]["template"]["spec"]["containers"]
        assert container["image"] == f"shoal:{PROJECT['version']}"


def test_containers_are_given_commands_that_exist() -> None:
    assert 'ENTRYPOINT ["shoal"]' in LINES
    commands = [service["command"] for service in compose_services().values() if service["image"].startswith("shoal:")]
    for deployment in objects("Deployment").values():
        (container,) = deployment["spec"]["template"]["spec"]["containers"]
        commands.append(container["args"])
    assert {command[0] for command in commands} <= set(COMMANDS)
