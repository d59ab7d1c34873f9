"""Every Secret and ConfigMap, and every key, that a manifest or a value of the chart names is made by a command of
docs/deploying.md or by a manifest; and with what those commands make, all processes start."""

import re
import shlex
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from app.destinations.folder import load_destinations
from app.service.access.access_keys import hash_of, new_key
from app.service.service import create_service
from app.settings import load_settings
from app.web.access.gate import Gate
from app.web.access.passwords import user_line
from tests.deploy.files import KUBERNETES, manifests, settings_env
from tools.docs_pages import ROOT, blocks

PAGE = ROOT / "docs" / "deploying.md"
EXAMPLE = KUBERNETES / "example"
TLS_KEYS = {"tls.crt", "tls.key"}


def made_by_commands() -> dict[tuple[str, str], dict[str, str]]:
    """Kind and name of each object that a command of the page makes -> its keys and values."""
    made: dict[tuple[str, str], dict[str, str]] = {}
    for block in blocks(PAGE):
        if block.info != "sh":
            continue
        for line in block.text.replace("\\\n", " ").splitlines():
            words = shlex.split(line, comments=True)
            if words[:1] != ["kubectl"] or "create" not in words:
                continue
            what = words[words.index("create") + 1 :]
            if what[0] == "secret" and what[1] in ("generic", "tls"):
                made["Secret", what[2]] = dict.fromkeys(TLS_KEYS, "") if what[1] == "tls" else keys_of(what[3:])
            elif what[0] == "configmap":
                made["ConfigMap", what[1]] = keys_of(what[2:])
    return made


def keys_of(options: list[str]) -> dict[str, str]:
    """Keys and values of `kubectl create`: --from-literal=KEY=VALUE, --from-file=KEY=FILE or --from-file=FILE."""
    found: dict[str, str] = {}
    for option in options:
        kind, _, rest = option.removeprefix("--").partition("=")
        assert kind in ("from-literal", "from-file"), option
        key, _, value = rest.partition("=")
        found[Path(key).name] = value
    return found


def made_by_manifests() -> dict[tuple[str, str], dict[str, str]]:
    """The ConfigMaps that the kustomizations generate, with their keys."""
    made: dict[tuple[str, str], dict[str, str]] = {}
    for path, each in manifests():
        for generator in each.get("configMapGenerator", ()):
            folder = (KUBERNETES / path).parent
            keys = {Path(file).name: "" for file in generator.get("files", ())}
            keys |= dict(literal.split("=", 1) for literal in generator.get("literals", ()))
            for file in generator.get("envs", ()):
                lines = (folder / file).read_text(encoding="utf-8").splitlines()
                keys |= dict(line.split("=", 1) for line in lines if line)
            made.setdefault(("ConfigMap", generator["name"]), {}).update(keys)
    return made


def references(node: Any) -> Iterator[tuple[str, str, str | None]]:
    """Kind, name and key of everything that is referred to in an object; a key of None: the whole."""
    if isinstance(node, list):
        for each in node:
            yield from references(each)
    if not isinstance(node, dict):
        return
    for key, value in node.items():
        if key in ("configMapRef", "configMapKeyRef", "configMap") and isinstance(value, dict):
            yield "ConfigMap", value["name"], value.get("key")
        elif key in ("secretRef", "secretKeyRef"):
            yield "Secret", value["name"], value.get("key")
        elif key == "secretName":
            yield "Secret", value, None
        elif key == "secretTargetRef":
            for each in value:
                yield "Secret", each["name"], each["key"]
        else:
            yield from references(yaml.safe_load(value) if key == "patch" else value)


REFERENCES = sorted({each for _, made in manifests() for each in references(made)}, key=str)


def test_references_are_found_in_patches_too() -> None:
    assert {("ConfigMap", "shoal-ca"), ("Secret", "shoal-tls"), ("Secret", "shoal-destination-secrets")} <= {
        (kind, name) for kind, name, _ in REFERENCES
    }


@pytest.mark.parametrize("reference", REFERENCES, ids=lambda each: ".".join(filter(None, each)))
def test_what_a_manifest_names_is_made(reference: tuple[str, str, str | None]) -> None:
    kind, name, key = reference
    made = made_by_commands() | made_by_manifests()
    assert (kind, name) in made, f"{PAGE.name} has no command that makes the {kind} {name}"
    assert key is None or key in made[kind, name]


@pytest.fixture
def environment() -> dict[str, str]:
    """Variables of a process of the example, as the commands and manifests make them."""
    made = made_by_commands()
    hashes = {name: hash_of(new_key("read" if "READ" in name else "write")) for name in made["Secret", "shoal-secrets"]}
    secrets = {name: value.replace("HASH", hashes[name]) for name, value in made["Secret", "shoal-secrets"].items()}
    return settings_env() | made_by_manifests()["ConfigMap", "shoal-settings"] | secrets


def test_the_service_starts_with_what_the_commands_make(environment: dict[str, str]) -> None:
    settings = load_settings(environment)
    create_service(settings)
    assert settings.kafka_username
    assert settings.write_keys
    assert settings.read_keys


def test_the_console_starts_with_what_the_commands_make(environment: dict[str, str], tmp_path: Path) -> None:
    made = made_by_commands()
    settings = load_settings(environment | made["Secret", "shoal-console-secrets"])
    (key,) = made["Secret", "shoal-console-users"]
    assert settings.console_users_file == f"/console/{key}"
    file = tmp_path / key
    file.write_text(user_line("anna", "admin", "a password of tests") + "\n")
    gate = Gate(replace(settings, console_users_file=str(file), console_host="0.0.0.0"))
    assert gate.login == "password"
    assert settings.console_secret


def test_the_destinations_start_with_what_the_commands_make(environment: dict[str, str]) -> None:
    secrets = made_by_commands()["Secret", "shoal-destination-secrets"]
    settings = load_settings(environment)
    loaded = load_destinations(
        EXAMPLE / "destinations", environ=environment | secrets, private=settings.private_destinations
    )
    assert [each.name for each in loaded] == ["own-service"]


def test_the_commands_make_what_the_destinations_name_and_nothing_else() -> None:
    texts = [path.read_text(encoding="utf-8") for path in (EXAMPLE / "destinations").iterdir()]
    named = {name for text in texts for name in re.findall(r"\$\{(\w+)\}", text)}
    assert named == set(made_by_commands()["Secret", "shoal-destination-secrets"])


def test_redis_and_kafka_find_their_certificates_where_they_are_mounted(environment: dict[str, str]) -> None:
    (component,) = [each for path, each in manifests() if path == "components/ca/kustomization.yaml"]
    (container,) = yaml.safe_load(component["patches"][0]["patch"])["spec"]["template"]["spec"]["containers"]
    folder = container["volumeMounts"][0]["mountPath"]
    (variable,) = container["env"]
    (file,) = made_by_commands()["ConfigMap", "shoal-ca"]
    assert variable == {"name": "SHOAL_KAFKA_CA_FILE", "value": f"{folder}/{file}"}
    assert environment["REDIS_URL"].endswith(f"?ssl_ca_certs={folder}/{file}")
