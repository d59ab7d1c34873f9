"""The chart: what Helm makes of it is right by Kubernetes' schemas, and is the same as the plain manifests."""

import json
import re
import tomllib
from typing import Any

import pytest
import yaml

from app.settings import load_settings
from tests.deploy.files import DEPLOY, KUBERNETES, ROOT, manifests, objects
from tests.deploy.kube_schemas import problem
from tools.docs_pages import blocks

helm_python = pytest.importorskip("helm_python", reason="Helm comes as a library for Linux on x86-64")

CHART = DEPLOY / "helm" / "shoal"
DESTINATION = "destination: own-service\nurl: ${OWN_WEBHOOK_URL}\n"
EVERYTHING: dict[str, Any] = {
    "caConfigMap": "shoal-ca",
    "segments": {"a.yaml": "segment: a\nwhen: exists('A')\n"},
    "destinations": {"files": {"own.yaml": DESTINATION}},
    "intake": {"sources": "events,web=ga4"},
    "warehouse": {"place": "s3://bucket/shoal"},
    "worker": {"disk": "20Gi"},
    "console": {"enabled": True, "host": "shoal.shop.example"},
    "census": {"enabled": True},
    "ingress": {"enabled": True},
    "networkPolicy": {"enabled": True},
    "keda": {"enabled": True, "secret": "shoal-keda"},
    "podMonitor": {"enabled": True},
    "imagePullSecrets": [{"name": "registry"}],
}
PAGE = yaml.safe_load(next(each.text for each in blocks(ROOT / "docs" / "deploying.md") if each.info == "yaml values"))
VALUES = {"default": {}, "everything": EVERYTHING, "page": PAGE}


def rendered(values: dict[str, Any], *, name: str = "shoal") -> dict[tuple[str, str], dict[str, Any]]:
    """The objects that an installation would make, by kind and name."""
    with helm_python.Chart.load(CHART) as chart:
        files = chart.render(values, name=name, namespace="shoal")
    found = [
        each
        for path, text in files.items()
        if path.endswith(".yaml")
        for each in yaml.safe_load_all(text)
        if each is not None
    ]
    named = {(each["kind"], each["metadata"]["name"]): each for each in found}
    assert len(named) == len(found), "two objects of one name"
    return named


def pod(each: dict[str, Any]) -> dict[str, Any]:
    spec: dict[str, Any] = each["spec"]["template"]["spec"]
    return spec


def test_nothing_is_wrong_with_the_chart() -> None:
    found = helm_python.lint(CHART, strict=True, kube_version="v1.30.0")
    assert not found["errors"]
    assert [each["error"] for each in found["messages"]] == ["icon is recommended"]


@pytest.mark.parametrize("values", VALUES.values(), ids=VALUES)
def test_what_it_makes_is_right_by_the_schemas_of_kubernetes(values: dict[str, Any]) -> None:
    problems = [found for each in rendered(values).values() if (found := problem(each)) is not None]
    assert not problems, "\n".join(problems)


def comparable(spec: dict[str, Any]) -> dict[str, Any]:
    """A pod without what differs on purpose: labels of the release, and ConfigMaps that Kustomize names by content."""
    text = json.dumps({key: value for key, value in spec.items() if value != []})
    spec = json.loads(re.sub(r', "imagePullPolicy": "IfNotPresent"', "", text))
    for spread in spec["topologySpreadConstraints"]:
        spread["labelSelector"]["matchLabels"].pop("app.kubernetes.io/instance", None)
    for each in spec["containers"]:
        if not each.get("env"):
            each.pop("env", None)
    spec = {key: value for key, value in spec.items() if value}
    assert isinstance(spec, dict)
    return spec


@pytest.mark.parametrize("name", objects("Deployment"))
def test_its_pods_are_those_of_the_manifests(name: str) -> None:
    values: dict[str, Any] = {
        "destinations": {"files": {"own.yaml": DESTINATION}},
        "console": {"enabled": True},
        "census": {"enabled": True},
    }
    made = rendered(values)["Deployment", name]
    plain = objects("Deployment")[name]
    assert comparable(pod(made)) == comparable(pod(plain))
    for key in ("replicas", "strategy", "revisionHistoryLimit"):
        assert made["spec"][key] == plain["spec"][key]
    annotations = dict(made["spec"]["template"]["metadata"]["annotations"])
    del annotations["checksum/files"]
    assert annotations == plain["spec"]["template"]["metadata"].get("annotations", {})


@pytest.mark.parametrize("kind", ["ScaledObject", "TriggerAuthentication", "Ingress", "NetworkPolicy", "PodMonitor"])
def test_its_other_objects_are_those_of_the_components(kind: str) -> None:
    made = {name: each["spec"] for (other, name), each in rendered(EVERYTHING).items() if other == kind}
    for spec in made.values():
        for selector in (spec.get("podSelector"), spec.get("selector")):
            if selector:
                del selector["matchLabels"]["app.kubernetes.io/instance"]
    plain = {name: each["spec"] for name, each in objects(kind).items()}
    if kind == "ScaledObject":  # by a patch of components/keda-sasl
        plain["shoal-worker"]["triggers"][0]["authenticationRef"] = {"name": "shoal-kafka"}
    assert made == plain


def test_its_settings_and_definitions_are_those_of_the_base() -> None:
    made = rendered({})
    lines = (KUBERNETES / "base" / "settings.env").read_text(encoding="utf-8").splitlines()
    assert made["ConfigMap", "shoal-settings"]["data"] == dict(line.split("=", 1) for line in lines)
    load_settings(made["ConfigMap", "shoal-settings"]["data"])
    shipped = (DEPLOY / "segments" / "cart-abandoned.yaml").read_text(encoding="utf-8")
    assert made["ConfigMap", "shoal-segments"]["data"] == {"cart-abandoned.yaml": shipped}


def test_the_console_reads_the_warehouse_that_there_is() -> None:
    def warehouse(values: dict[str, Any]) -> list[str]:
        (found,) = pod(rendered(values)["Deployment", "shoal-console"])["containers"]
        return [each["value"] for each in found["env"] if each["name"] == "SHOAL_WAREHOUSE"]

    assert warehouse({"console": {"enabled": True}}) == []
    assert warehouse({"console": {"enabled": True}, "warehouse": {"place": "s3://b/p"}}) == ["s3://b/p"]


def test_a_console_has_settings_with_which_it_asks_who_comes() -> None:
    def settings(values: dict[str, Any]) -> dict[str, str]:
        found: dict[str, str] = rendered(values)["ConfigMap", "shoal-settings"]["data"]
        return found

    assert not any("CONSOLE" in name for name in settings({}))
    made = settings(EVERYTHING)
    assert made["SHOAL_CONSOLE_URL"] == "https://shoal.shop.example"
    (generator,) = [
        each["configMapGenerator"][0] for path, each in manifests() if path == "components/console/kustomization.yaml"
    ]
    assert dict(each.split("=") for each in generator["literals"]).items() <= made.items()
    other = settings({"console": {"enabled": True}, "settings": {"SHOAL_CONSOLE_LOGIN": "oidc"}})
    assert other["SHOAL_CONSOLE_LOGIN"] == "oidc"


def test_two_releases_do_not_meet() -> None:
    first, second = rendered(EVERYTHING), rendered(EVERYTHING, name="other")
    assert not set(first) & set(second)
    for (kind, name), each in second.items():
        text = json.dumps(each)
        assert "shoal-settings" not in text, (kind, name)
        if kind == "Deployment":
            assert each["spec"]["selector"]["matchLabels"]["app.kubernetes.io/instance"] == "other"


def test_a_change_of_a_file_restarts_the_pods() -> None:
    def checksum(values: dict[str, Any]) -> str:
        found: str = rendered(values)["Deployment", "shoal-worker"]["spec"]["template"]["metadata"]["annotations"][
            "checksum/files"
        ]
        return found

    assert checksum({}) == checksum({"worker": {"replicas": 5}})
    assert checksum({}) != checksum({"segments": {"a.yaml": "segment: a\nwhen: exists('A')\n"}})
    assert checksum({}) != checksum({"settings": {"SHOAL_PARTITIONS": "12"}})


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"worker": {"disk": 20}}, "disk"),
        ({"settings": {"PARTITIONS": "24"}}, "settings"),
        ({"settings": {"SHOAL_PARTITIONS": 24}}, "SHOAL_PARTITIONS"),
        ({"ingres": {"enabled": True}}, "ingres"),
        ({"ingress": {"hosts": ["a"]}}, "hosts"),
        ({"worker": {"replica": 3}}, "replica"),
        ({"console": {"replicas": 2}}, "replicas"),
        ({"census": {"replicas": 2}}, "replicas"),
    ],
)
def test_a_wrong_value_is_refused_by_its_name(values: dict[str, Any], said: str) -> None:
    with helm_python.Chart.load(CHART) as chart, pytest.raises(helm_python.HelmValuesError, match=said):
        chart.validate_schema(chart.merge_values(values))


def test_the_chart_has_the_version_of_the_package() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text(encoding="utf-8"))
    assert chart["version"] == chart["appVersion"] == version


def test_no_manifest_is_without_its_place_in_the_chart() -> None:
    made = {kind for kind, _ in rendered(EVERYTHING)}
    plain = {each["kind"] for _, each in manifests()} - {"Kustomization", "Component", "Namespace"}
    assert plain <= made
