"""A whole Shoal on one machine: what deploy/compose says fits what there is."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from app.errors import UserError
from app.settings import Settings, load_settings
from app.web.access.gate import Gate
from app.web.access.passwords import user_line
from tests.deploy.files import COMPOSE, DEPLOY, compose_services
from tests.deploy.known import SECRET_VARIABLES, VARIABLES

SERVICES = compose_services()
OURS = {name: service for name, service in SERVICES.items() if service["image"].startswith("shoal:")}
ROLES = {"topics", "worker", "serve", "memberships", "destinations", "intake", "warehouse", "console", "census"}
WITHOUT_METRICS = {"topics", "console"}
REFERENCE = re.compile(r"\$\{(\w+)(?::-([^}]*))?\}")


def filled_in(value: object) -> str:
    """A value as compose makes it where no variable is set."""
    return REFERENCE.sub(lambda match: match[2] or "", str(value))


def environment(service: dict[str, Any]) -> dict[str, str]:
    return {name: filled_in(value) for name, value in service.get("environment", {}).items()}


def test_every_role_is_there() -> None:
    assert set(OURS) == ROLES
    assert set(SERVICES) - ROLES == {"kafka", "valkey", "prometheus", "grafana"}


@pytest.mark.parametrize("name", OURS)
def test_a_process_starts_with_what_its_environment_says(name: str) -> None:
    settings = load_settings(environment(OURS[name]))
    assert settings.kafka_bootstrap_servers == "kafka:9092"


def test_all_agree_on_partitions_and_brokers() -> None:
    for variable in ("KAFKA_BOOTSTRAP_SERVERS", "SHOAL_PARTITIONS", "REDIS_URL"):
        assert len({environment(service).get(variable) for service in OURS.values()}) == 1


@pytest.mark.parametrize("name", SERVICES)
def test_containers_may_do_little(name: str) -> None:
    service = SERVICES[name]
    if name == "kafka":  # its image writes its configuration at the start
        return
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert not service.get("privileged")


@pytest.mark.parametrize("name", SERVICES)
def test_images_are_pinned_and_of_no_particular_registry(name: str) -> None:
    image, _, tag = filled_in(SERVICES[name]["image"]).rpartition(":")
    assert re.match(r"v?\d+\.\d+\.\d+", tag), tag
    assert "." not in image.split("/")[0], image
    assert ":" not in image, image


@pytest.mark.parametrize("name", SERVICES)
def test_ports_are_for_this_machine_only(name: str) -> None:
    for port in SERVICES[name].get("ports", ()):
        assert str(port).startswith("127.0.0.1:")


@pytest.mark.parametrize("name", SERVICES)
def test_what_stays_up_says_whether_it_is_well(name: str) -> None:
    assert name == "topics" or SERVICES[name]["healthcheck"]["test"]


def test_health_is_asked_where_it_is_told() -> None:
    for name in ROLES - {"topics"}:
        settings = load_settings(environment(OURS[name]))
        port = {"serve": settings.serve_port, "console": settings.console_port}.get(name, settings.web_port)
        path = "live" if name == "console" else "ready"
        assert f"http://127.0.0.1:{port}/{path}" in OURS[name]["healthcheck"]["test"][-1]


def test_prometheus_scrapes_the_ports_where_metrics_are() -> None:
    config = yaml.safe_load((DEPLOY / "prometheus" / "prometheus.yaml").read_text("utf-8"))
    for job in config["scrape_configs"]:
        (found,) = job["dns_sd_configs"]
        (name,) = found["names"]
        assert job["job_name"] == f"shoal-{name}"
        settings = load_settings(environment(OURS[name]))
        assert found["port"] == (settings.serve_port if name == "serve" else settings.web_port)
    assert {job["job_name"] for job in config["scrape_configs"]} == {
        f"shoal-{name}" for name in ROLES - WITHOUT_METRICS
    }


def test_topics_are_made_before_anybody_starts() -> None:
    for name in ROLES - {"topics"}:
        assert OURS[name]["depends_on"]["topics"] == {"condition": "service_completed_successfully"}
    assert OURS["topics"]["depends_on"] == {"kafka": {"condition": "service_healthy"}}
    assert OURS["topics"]["restart"] == "no"


def test_who_is_told_to_end_may_finish() -> None:
    defaults = Settings()
    needed_s = (defaults.drain_timeout_ms + defaults.commit_timeout_ms + defaults.request_timeout_ms) / 1000
    assert int(OURS["worker"]["stop_grace_period"].removesuffix("s")) > needed_s


def test_several_of_each_can_run() -> None:
    assert not any("container_name" in service for service in SERVICES.values())
    assert not OURS["worker"].get("ports")


def test_mounted_files_are_there() -> None:
    for service in SERVICES.values():
        for volume in service.get("volumes", ()):
            source = filled_in(volume).split(":")[0]
            if source.startswith("."):
                assert (COMPOSE / source).exists(), source


def test_variables_that_are_handed_through_are_settings_or_folders() -> None:
    text = (COMPOSE / "compose.yaml").read_text(encoding="utf-8")
    names = {match[1] for match in REFERENCE.finditer(text)}
    folders = {"SEGMENTS_FOLDER", "DESTINATIONS_FOLDER", "WAREHOUSE_FOLDER", "CONSOLE_FOLDER"}
    assert names - VARIABLES == {"IMAGE_TAG", *folders}
    example = (COMPOSE / ".env.example").read_text(encoding="utf-8")
    assert set(re.findall(r"^(\w+)=", example, re.MULTILINE)) <= names


def test_secrets_come_from_outside() -> None:
    for service in OURS.values():
        for name, value in service.get("environment", {}).items():
            if name in SECRET_VARIABLES and name != "REDIS_URL":
                assert value == f"${{{name}:-}}"
    example = (COMPOSE / ".env.example").read_text(encoding="utf-8")
    for name in SECRET_VARIABLES:
        assert not re.search(rf"^{name}=.+", example, re.MULTILINE)
    ignored = (COMPOSE / ".gitignore").read_text(encoding="utf-8").splitlines()
    assert {".env", "destinations.env", "warehouse.env", "console.env"} <= set(ignored)


def test_the_console_starts_with_users_of_its_folder_and_not_without(tmp_path: Path) -> None:
    variables = environment(OURS["console"])
    (mounted,) = [each for each in OURS["console"]["volumes"] if "CONSOLE_FOLDER" in each]
    assert variables["SHOAL_CONSOLE_USERS_FILE"].startswith(filled_in(mounted).split(":")[1] + "/")
    settings = load_settings(variables | {"SHOAL_CONSOLE_USERS_FILE": str(tmp_path / "users")})
    with pytest.raises(UserError, match="cannot be read"):
        Gate(settings)
    (tmp_path / "users").write_text(user_line("anna", "admin", "a password of tests") + "\n")
    assert Gate(settings).login == "password"


def test_the_console_reads_what_the_warehouse_writes() -> None:
    console, warehouse = OURS["console"], OURS["warehouse"]
    assert environment(console)["SHOAL_WAREHOUSE"] == environment(warehouse)["SHOAL_WAREHOUSE"]
    (written,) = warehouse["volumes"]
    assert f"{written}:ro" in console["volumes"]
    assert {"path": "warehouse.env", "required": False} in console["env_file"]


def test_grafana_finds_its_data_and_its_dashboards() -> None:
    provisioning = COMPOSE / "grafana" / "provisioning"
    (source,) = yaml.safe_load((provisioning / "datasources" / "prometheus.yaml").read_text("utf-8"))["datasources"]
    (provider,) = yaml.safe_load((provisioning / "dashboards" / "shoal.yaml").read_text("utf-8"))["providers"]
    assert source["url"] == "http://prometheus:9090"
    assert f"../grafana:{provider['options']['path']}:ro" in SERVICES["grafana"]["volumes"]
    home = SERVICES["grafana"]["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
    assert (DEPLOY / "grafana" / home.rpartition("/")[2]).is_file()
