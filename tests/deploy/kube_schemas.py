"""Kubernetes' own schemas: a misspelt or misplaced key of a manifest is found without a cluster."""

from typing import Any, Final

import kubernetes_validate

VERSION: Final = "1.30"
"""The oldest that docs/deploying.md names."""
OWN_API: Final = ("v1", "apps/v1", "policy/v1", "networking.k8s.io/v1")
"""Versions of the objects that Kubernetes knows by itself; those of KEDA and Prometheus come with them."""


def problem(each: dict[str, Any], version: str = VERSION) -> str | None:
    """The first thing that is wrong with an object; None: nothing, or its API comes with something else."""
    if each["apiVersion"] not in OWN_API:
        return None
    try:
        kubernetes_validate.validate(each, version, strict=True)
    except kubernetes_validate.ValidationError as error:
        return f"{each['kind']} {each['metadata']['name']}: {error.message}"
    return None
