"""The files of deployments, read."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
COMPOSE = DEPLOY / "compose"
KUBERNETES = DEPLOY / "kubernetes"
CONTAINERFILE = (DEPLOY / "Containerfile").read_text(encoding="utf-8")


def compose_services() -> dict[str, dict[str, Any]]:
    """The services by their names, with what they share."""
    services: dict[str, dict[str, Any]] = yaml.safe_load((COMPOSE / "compose.yaml").read_text("utf-8"))["services"]
    return services


def manifests() -> Iterator[tuple[str, dict[str, Any]]]:
    """Each object of Kubernetes, with the file it stands in."""
    for path in sorted(KUBERNETES.rglob("*.yaml")):
        if path.parent.name in {"segments", "destinations"} and path.parent.parent.name != "components":
            continue  # what a ConfigMap holds
        for document in yaml.safe_load_all(path.read_text(encoding="utf-8")):
            yield str(path.relative_to(KUBERNETES)), document


def objects(kind: str) -> dict[str, dict[str, Any]]:
    """The objects of a kind by their names."""
    return {each["metadata"]["name"]: each for _, each in manifests() if each["kind"] == kind}


def settings_env() -> dict[str, str]:
    """The lines of the settings that all processes share."""
    lines = (KUBERNETES / "base" / "settings.env").read_text(encoding="utf-8").splitlines()
    return dict(line.split("=", 1) for line in lines if line)
