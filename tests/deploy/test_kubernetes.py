"""The manifests: complete, careful, and fitting what there is."""

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from app.catalogs.definitions_folder import load_segments
from app.destinations.http.addresses import GLOBAL_UNICAST, is_public
from app.service.server import GRACE_S
from app.settings import Settings, load_settings
from tests.deploy.files import DEPLOY, KUBERNETES, manifests, objects, settings_env
from tests.deploy.known import SECRET_VARIABLES, VARIABLES
from tests.deploy.kube_schemas import problem

DEPLOYMENTS = objects("Deployment")
SERVE = "shoal-serve"
CONSOLE = "shoal-console"
CENSUS = "shoal-census"
SETTINGS = Settings()

# Required values of a Deployment; Kubernetes itself checks the rest.
PROBE = {
    "type": "object",
    "required": ["httpGet", "periodSeconds", "failureThreshold"],
    "properties": {"httpGet": {"type": "object", "required": ["path", "port"]}},
}
PROBES = ["startupProbe", "livenessProbe", "readinessProbe"]
CONTAINER = {
    "type": "object",
    "required": ["name", "image", "args", "envFrom", "ports", "resources", "securityContext", *PROBES],
    "properties": {
        **dict.fromkeys(PROBES, PROBE),
        "args": {"type": "array", "items": {"type": "string"}, "minItems": 1},
        "resources": {
            "required": ["requests", "limits"],
            "properties": {each: {"required": ["cpu", "memory"]} for each in ("requests", "limits")},
        },
        "securityContext": {
            "properties": {
                "allowPrivilegeEscalation": {"const": False},
                "readOnlyRootFilesystem": {"const": True},
                "capabilities": {"const": {"drop": ["ALL"]}},
            },
            "required": ["allowPrivilegeEscalation", "readOnlyRootFilesystem", "capabilities"],
        },
    },
}
POD = {
    "type": "object",
    "required": ["serviceAccountName", "securityContext", "containers", "terminationGracePeriodSeconds"],
    "properties": {
        "automountServiceAccountToken": {"const": False},
        "enableServiceLinks": {"const": False},
        "securityContext": {
            "properties": {
                "runAsNonRoot": {"const": True},
                "runAsUser": {"type": "integer", "minimum": 1},
                "seccompProfile": {"const": {"type": "RuntimeDefault"}},
            },
            "required": ["runAsNonRoot", "runAsUser", "seccompProfile"],
        },
        "containers": {"type": "array", "minItems": 1, "maxItems": 1, "items": CONTAINER},
    },
}
DEPLOYMENT = {
    "type": "object",
    "required": ["apiVersion", "kind", "metadata", "spec"],
    "properties": {
        "apiVersion": {"const": "apps/v1"},
        "spec": {
            "required": ["replicas", "selector", "template", "strategy"],
            "properties": {"template": {"properties": {"spec": POD}, "required": ["metadata", "spec"]}},
        },
    },
}


def pod(name: str) -> dict[str, Any]:
    spec: dict[str, Any] = DEPLOYMENTS[name]["spec"]["template"]["spec"]
    return spec


def container(name: str) -> dict[str, Any]:
    (only,) = pod(name)["containers"]
    assert isinstance(only, dict)
    return only


def environment(name: str) -> dict[str, str]:
    return settings_env() | {each["name"]: each["value"] for each in container(name).get("env", ())}


def test_every_object_says_what_it_is() -> None:
    for path, each in manifests():
        assert each["apiVersion"], path
        assert each["kind"], path
        assert each["kind"] in {"Kustomization", "Component"} or each["metadata"]["name"], path


@pytest.mark.parametrize("name", DEPLOYMENTS)
def test_a_deployment_is_complete_and_careful(name: str) -> None:
    problems = [
        f"{error.json_path}: {error.message}"
        for error in Draft202012Validator(DEPLOYMENT).iter_errors(DEPLOYMENTS[name])
    ]
    assert not problems, "\n".join(problems)


def test_the_check_of_deployments_can_fail() -> None:
    worker = yaml.safe_load(yaml.safe_dump(DEPLOYMENTS["shoal-worker"]))
    worker["spec"]["template"]["spec"]["enableServiceLinks"] = True
    del worker["spec"]["template"]["spec"]["containers"][0]["resources"]["limits"]["memory"]
    assert len(list(Draft202012Validator(DEPLOYMENT).iter_errors(worker))) == 2


@pytest.mark.parametrize("name", DEPLOYMENTS)
def test_a_process_starts_with_what_its_environment_says(name: str) -> None:
    load_settings(environment(name))


def test_why_there_are_no_service_links() -> None:
    """A Service called shoal would put this into every container."""
    assert "SHOAL_SERVICE_HOST" not in VARIABLES
    assert "shoal" in objects("Service")


@pytest.mark.parametrize("name", DEPLOYMENTS)
def test_labels_belong_together(name: str) -> None:
    spec = DEPLOYMENTS[name]["spec"]
    labels = spec["selector"]["matchLabels"]
    assert labels["app.kubernetes.io/component"] == name.removeprefix("shoal-")
    assert labels.items() <= spec["template"]["metadata"]["labels"].items()
    assert objects("PodDisruptionBudget")[name]["spec"]["selector"]["matchLabels"] == labels
    assert objects("PodDisruptionBudget")[name]["spec"]["maxUnavailable"] == 1
    assert spec["replicas"] >= 2 or name in {CONSOLE, CENSUS}
    for spread in pod(name)["topologySpreadConstraints"]:
        assert spread["labelSelector"]["matchLabels"] == labels


@pytest.mark.parametrize("name", DEPLOYMENTS)
def test_health_is_asked_where_it_is_told(name: str) -> None:
    made = container(name)
    (port,) = made["ports"]
    image = load_settings({"SHOAL_WEB_PORT": "9100"} | environment(name))
    assert port["containerPort"] == {SERVE: image.serve_port, CONSOLE: image.console_port}.get(name, image.web_port)
    assert made["startupProbe"]["httpGet"] == {"path": "/live", "port": port["name"]}
    assert made["livenessProbe"]["httpGet"] == {"path": "/live", "port": port["name"]}
    ready = "/live" if name == CONSOLE else "/ready"
    assert made["readinessProbe"]["httpGet"] == {"path": ready, "port": port["name"]}
    metadata = DEPLOYMENTS[name]["spec"]["template"]["metadata"]
    if name == CONSOLE:  # it has no metrics
        assert "annotations" not in metadata
        return
    annotations = metadata["annotations"]
    assert annotations["prometheus.io/port"] == str(port["containerPort"])


@pytest.mark.parametrize("name", DEPLOYMENTS)
def test_a_start_may_last_as_long_as_the_search_for_the_broker(name: str) -> None:
    probe = container(name)["startupProbe"]
    start_s = load_settings(environment(name)).start_timeout_ms / 1000
    assert probe["periodSeconds"] * probe["failureThreshold"] > 1.5 * start_s


@pytest.mark.parametrize("name", DEPLOYMENTS)
def test_only_a_census_stops_before_its_successor_starts(name: str) -> None:
    """A second process fences the first; of all others, one more does no harm and a gap would."""
    spec = DEPLOYMENTS[name]["spec"]
    if name == CENSUS:
        assert (spec["strategy"], spec["replicas"]) == ({"type": "Recreate"}, 1)
    else:
        assert spec["strategy"]["rollingUpdate"] == {"maxSurge": 1, "maxUnavailable": 0}


def test_a_worker_may_finish_its_batch() -> None:
    needed_s = (SETTINGS.drain_timeout_ms + SETTINGS.commit_timeout_ms + SETTINGS.request_timeout_ms) / 1000
    assert pod("shoal-worker")["terminationGracePeriodSeconds"] > needed_s


def test_the_service_may_answer_what_is_under_way() -> None:
    before_s = container(SERVE)["lifecycle"]["preStop"]["sleep"]["seconds"]
    needed_s = before_s + GRACE_S + SETTINGS.ack_timeout_ms / 1000
    assert pod(SERVE)["terminationGracePeriodSeconds"] > needed_s


def test_a_worker_warns_before_its_memory_ends() -> None:
    limit = container("shoal-worker")["resources"]["limits"]["memory"]
    assert limit.endswith("Gi")
    assert int(environment("shoal-worker")["SHOAL_PROFILES_BYTES_MAX"]) < 0.75 * int(limit[:-2]) * (1 << 30)


def test_the_service_leads_to_who_serves() -> None:
    service = objects("Service")["shoal"]["spec"]
    assert service["selector"] == DEPLOYMENTS[SERVE]["spec"]["selector"]["matchLabels"]
    assert service["ports"][0]["targetPort"] == container(SERVE)["ports"][0]["name"]


def test_people_are_led_to_the_console_alone() -> None:
    service = objects("Service")[CONSOLE]["spec"]
    assert service["selector"] == DEPLOYMENTS[CONSOLE]["spec"]["selector"]["matchLabels"]
    assert service["ports"][0]["targetPort"] == container(CONSOLE)["ports"][0]["name"]
    (rule,) = objects("Ingress")[CONSOLE]["spec"]["rules"]
    (path,) = rule["http"]["paths"]
    assert path["backend"]["service"] == {"name": CONSOLE, "port": {"name": service["ports"][0]["name"]}}
    assert rule["host"] != objects("Ingress")["shoal"]["spec"]["rules"][0]["host"]
    (coming,) = objects("NetworkPolicy")[CONSOLE]["spec"]["ingress"]
    assert coming["ports"] == [{"port": service["ports"][0]["name"]}]
    assert coming["from"] == objects("NetworkPolicy")[SERVE]["spec"]["ingress"][0]["from"]


def test_reports_of_the_console_may_write_where_temporary_files_are() -> None:
    (mounted,) = [each["name"] for each in container(CONSOLE)["volumeMounts"] if not each.get("readOnly")]
    assert {"name": mounted, "mountPath": "/tmp"} in container(CONSOLE)["volumeMounts"]
    volumes = DEPLOYMENTS[CONSOLE]["spec"]["template"]["spec"]["volumes"]
    (volume,) = [each for each in volumes if each["name"] == mounted]
    assert volume["emptyDir"]["sizeLimit"]


def test_the_scaler_knows_the_group_and_stays_within_the_partitions() -> None:
    scaler = objects("ScaledObject")["shoal-worker"]["spec"]
    settings = load_settings(environment("shoal-worker"))
    (trigger,) = scaler["triggers"]
    assert scaler["scaleTargetRef"]["name"] in DEPLOYMENTS
    assert trigger["metadata"]["consumerGroup"] == settings.app_id
    assert trigger["metadata"]["topic"] == settings.topics.clickstream
    assert trigger["metadata"]["bootstrapServersFromEnv"] in environment("shoal-worker")
    assert 2 <= scaler["minReplicaCount"] <= scaler["fallback"]["replicas"] <= scaler["maxReplicaCount"]
    assert scaler["maxReplicaCount"] <= settings.partitions


def test_images_are_pinned_and_of_no_particular_registry() -> None:
    for name in DEPLOYMENTS:
        assert re.fullmatch(r"shoal:\d+\.\d+\.\d+", container(name)["image"])


def test_no_secret_is_in_a_file() -> None:
    assert not objects("Secret")
    for path in KUBERNETES.rglob("*"):
        text = path.read_text(encoding="utf-8") if path.is_file() else ""
        for name in SECRET_VARIABLES - {"REDIS_URL"}:
            assert not re.search(rf"^\s*-?\s*{name}[=:]", text, re.MULTILINE), path
        assert not re.search(r"redis://[^\s/]*@", text), path


def test_the_definitions_of_the_base_are_shipped_ones() -> None:
    for folder in ("base", "example"):
        for path in (KUBERNETES / folder / "segments").iterdir():
            assert path.read_bytes() == (DEPLOY / "segments" / path.name).read_bytes()


def test_definitions_are_found_in_a_mounted_config_map(tmp_path: Path) -> None:
    """The shape of such a mount: the files in a folder of one moment, a link to it, and a link to each of its files."""
    moment = tmp_path / "..2026_01_05_00_00_00.1"
    moment.mkdir()
    shutil.copy(KUBERNETES / "base" / "segments" / "cart-abandoned.yaml", moment)
    (tmp_path / "..data").symlink_to(moment.name)
    (tmp_path / "cart-abandoned.yaml").symlink_to("..data/cart-abandoned.yaml")
    folder = Path(environment("shoal-worker")["SHOAL_SEGMENTS"])
    (mount,) = container("shoal-worker")["volumeMounts"]
    catalog = load_segments(tmp_path / folder.relative_to(mount["mountPath"]))
    assert [segment.name for segment in catalog.segments] == ["cart-abandoned"]


def test_the_manifests_are_right_by_the_schemas_of_kubernetes() -> None:
    problems = [f"{path}: {found}" for path, each in manifests() if (found := problem(each)) is not None]
    assert not problems, "\n".join(problems)


def test_the_check_of_schemas_can_fail() -> None:
    worker = yaml.safe_load(yaml.safe_dump(DEPLOYMENTS["shoal-worker"]))
    worker["spec"]["template"]["spec"]["container"] = []
    found = problem(worker)
    assert found is not None
    assert "container" in found


def kustomized(folder: str) -> list[dict[str, Any]]:
    if shutil.which("kubectl") is None:
        pytest.skip("kubectl is not installed")
    command = ["kubectl", "kustomize", str(KUBERNETES / folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return list(yaml.safe_load_all(done.stdout))


@pytest.mark.parametrize("folder", ["base", "example"])
def test_kustomize_puts_it_together(folder: str) -> None:
    made = kustomized(folder)
    names = {(each["kind"], each["metadata"]["name"]) for each in made}
    assert {("Deployment", "shoal-worker"), ("Deployment", SERVE), ("Service", "shoal")} <= names
    assert [found for each in made if (found := problem(each)) is not None] == []


def test_every_process_of_the_example_reads_the_certificates() -> None:
    for each in kustomized("example"):
        if each["kind"] == "Deployment":
            (made,) = each["spec"]["template"]["spec"]["containers"]
            mounted = {mount["name"]: mount["mountPath"] for mount in made["volumeMounts"]}
            variables = {variable["name"]: variable["value"] for variable in made["env"]}
            assert variables["SHOAL_KAFKA_CA_FILE"] == f"{mounted['certificates']}/ca.crt"


def test_the_scaler_of_the_example_has_a_user() -> None:
    made = {(each["kind"], each["metadata"]["name"]): each for each in kustomized("example")}
    (trigger,) = made["ScaledObject", "shoal-worker"]["spec"]["triggers"]
    asked = made["TriggerAuthentication", trigger["authenticationRef"]["name"]]["spec"]["secretTargetRef"]
    assert [each["parameter"] for each in asked] == ["sasl", "username", "password", "tls", "ca"]


def test_what_is_public_is_led_to_the_service_and_nothing_else() -> None:
    document = json.loads((DEPLOY / "schemas" / "openapi.json").read_text(encoding="utf-8"))
    (rule,) = objects("Ingress")["shoal"]["spec"]["rules"]
    led = [(each["path"], each["pathType"]) for each in rule["http"]["paths"]]

    def is_led(path: str) -> bool:
        return any(path == start or (kind == "Prefix" and path.startswith(f"{start}/")) for start, kind in led)

    inside = {path for path in document["paths"] if not is_led(path)}
    assert inside == {"/live", "/ready", "/metrics"}
    (service,) = {each["backend"]["service"]["name"] for each in rule["http"]["paths"]}
    assert service in objects("Service")


def test_every_pod_is_under_a_policy_that_lets_it_do_what_it_must() -> None:
    policies = objects("NetworkPolicy")
    every = policies["shoal"]["spec"]
    labels = [each["spec"]["template"]["metadata"]["labels"] for each in DEPLOYMENTS.values()]
    assert all(every["podSelector"]["matchLabels"].items() <= each.items() for each in labels)
    ports = {port["port"] for rule in every["egress"] for port in rule["ports"]}
    brokers = settings_env()["KAFKA_BOOTSTRAP_SERVERS"].split(",")
    assert {int(each.rpartition(":")[2]) for each in brokers} | {6379, 53} <= ports
    asked = {port["port"] for rule in every["ingress"] for port in rule["ports"]}
    assert asked == {container(name)["ports"][0]["name"] for name in DEPLOYMENTS if name != CONSOLE}
    for name in (SERVE, CONSOLE, "shoal-destinations"):
        assert policies[name]["spec"]["podSelector"] == {
            "matchLabels": DEPLOYMENTS[name]["spec"]["selector"]["matchLabels"]
        }


def test_destinations_are_kept_from_addresses_that_are_not_public() -> None:
    (rule,) = objects("NetworkPolicy")["shoal-destinations"]["spec"]["egress"]
    assert objects("NetworkPolicy")[CONSOLE]["spec"]["egress"] == [rule]
    public, sixth = (each["ipBlock"] for each in rule["to"])
    for network in public["except"]:
        assert not is_public(network.partition("/")[0])
    assert sixth["cidr"] == str(GLOBAL_UNICAST)
