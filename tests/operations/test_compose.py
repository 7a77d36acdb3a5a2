"""docker-compose.yml: what it says is right, what it mounts is there, and carewatch understands its settings."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from carewatch.settings_sources import load_settings
from tests.servers.process import program

ROOT = Path(__file__).resolve().parents[2]
RUNS_ONCE = {"mosquitto-passwords"}


def validated(**environment: str) -> dict[str, Any]:
    """The file as compose itself reads it: checked against its schema, variables put in, paths made whole."""
    done = subprocess.run(
        [program("compose-spec"), "docker-compose.yml"],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return yaml.safe_load(done.stdout)


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    """The file with the merge keys of YAML resolved, variables as they stand."""
    return yaml.safe_load((ROOT / "docker-compose.yml").read_text())


@pytest.mark.server
def test_compose_accepts_the_file() -> None:
    assert set(validated()["services"]) == {"mosquitto-passwords", "mosquitto", "influxdb", "grafana", "carewatch"}


@pytest.mark.server
def test_the_example_of_env_changes_nothing() -> None:
    assert validated(**example()) == validated()


@pytest.mark.server
def test_every_mounted_file_is_here() -> None:
    mounts = [volume for service in validated()["services"].values() for volume in service.get("volumes", [])]
    files = [Path(mount["source"]) for mount in mounts if mount["type"] == "bind"]
    assert len(files) >= 6
    assert [file for file in files if not file.exists()] == []


@pytest.mark.server
def test_carewatch_understands_the_settings_it_is_given(tmp_path: Path) -> None:
    environment = dict(validated()["services"]["carewatch"]["environment"])
    for name, value in environment.items():
        if name.endswith("_FILE"):
            secret = tmp_path / Path(value).name
            secret.write_text(f"{secret.name} itself\n")
            environment[name] = str(secret)
    settings = load_settings(ROOT / "config" / "carewatch.toml", environment)
    assert settings.mqtt.url == "mqtt://mosquitto:1884"
    assert settings.mqtt.password.get_secret_value() == "mqtt_password itself"
    assert settings.influx.token.get_secret_value() == "influx_token itself"
    assert (settings.influx.org, settings.influx.bucket) == ("carewatch", "carewatch")
    assert (settings.board.host, settings.board.port) == ("0.0.0.0", 8080)  # noqa: S104 -- in a container


def test_every_service_comes_back_and_says_how_it_is(compose: dict[str, Any]) -> None:
    for name, service in compose["services"].items():
        if name in RUNS_ONCE:
            continue
        assert service["restart"] == "unless-stopped", name
        assert "healthcheck" in service or service.get("build"), name  # the image's own is in the Dockerfile
    assert "HEALTHCHECK" in (ROOT / "Dockerfile").read_text()


def test_no_service_has_more_rights_than_it_needs(compose: dict[str, Any]) -> None:
    for name, service in compose["services"].items():
        assert "no-new-privileges:true" in service["security_opt"], name
        assert not {"privileged", "pid", "ipc", "devices"} & set(service), name
        assert service.get("network_mode") in {None, "none"}, name
        assert "docker.sock" not in str(service), name
        assert not re.search(r":latest$|^[^:]+$", service["image"]), f"{name} names no version"


def test_only_watches_are_let_in_from_outside(compose: dict[str, Any]) -> None:
    """The board and Grafana stand on this machine's own address; the broker's inner port and InfluxDB on none."""
    ports = {name: service["ports"] for name, service in compose["services"].items() if "ports" in service}
    assert ports == {
        "mosquitto": ["${MQTT_PORT:-1883}:1883"],
        "grafana": ["${GRAFANA_BIND:-127.0.0.1}:${GRAFANA_PORT:-3000}:3000"],
        "carewatch": ["${BOARD_BIND:-127.0.0.1}:${BOARD_PORT:-8080}:8080"],
    }


def test_secrets_come_from_files_alone(compose: dict[str, Any]) -> None:
    for name, service in compose["services"].items():
        for variable, value in service.get("environment", {}).items():
            if re.search(r"PASSWORD|TOKEN|SECRET", variable):
                assert variable.endswith("_FILE"), f"{name}: {variable} is a secret and should come from a file"
                assert Path(value).name in service["secrets"], f"{name}: {value} is not mounted"
    used = {secret for service in compose["services"].values() for secret in service.get("secrets", [])}
    assert used == set(compose["secrets"])
    assert "/var/" in (ROOT / ".gitignore").read_text().split()


def test_the_command_of_env_example_makes_every_secret(compose: dict[str, Any], tmp_path: Path) -> None:
    comment = "".join(re.findall(r"^#   (.*\n)", (ROOT / ".env.example").read_text(), re.MULTILINE))
    subprocess.run(["sh", "-eu", "-c", comment], cwd=tmp_path, check=True)
    made = {file.name: file.read_text() for file in (tmp_path / "var" / "secrets").iterdir()}
    assert set(made) == set(compose["secrets"])
    assert all(":" not in secret and "/" not in secret for secret in made.values())
    assert len(made["mqtt_password"].strip()) == 32
    assert len({secret for secret in made.values() if secret}) == 5


def test_every_variable_stands_in_env_example_and_none_for_nothing(compose: dict[str, Any]) -> None:
    used = set(re.findall(r"\$\{([A-Z_]+)", (ROOT / "docker-compose.yml").read_text()))
    assert used == set(example())
    assert compose["services"]


def example() -> dict[str, str]:
    lines = (ROOT / ".env.example").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if re.match(r"[A-Z_]+=", line))


def test_the_image_is_built_from_files_that_are_here() -> None:
    dockerfile = (ROOT / "Dockerfile").read_text()
    allowed = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    sources = {
        source
        for line in re.findall(r"^COPY (?!--from)(.*)$", dockerfile, re.MULTILINE)
        for source in line.split()[:-1]
    }
    assert sources == allowed
    assert [source for source in sources if not (ROOT / source).exists()] == []


def test_the_image_holds_every_package_of_the_program() -> None:
    packages = re.search(r"include = \[(.*)\]", (ROOT / "pyproject.toml").read_text())
    assert packages is not None
    dockerfile = (ROOT / "Dockerfile").read_text()
    for package in re.findall(r'"(\w+)\*"', packages[1]):
        assert f"COPY {package} {package}\n" in dockerfile


def test_the_image_checks_hashes_and_runs_as_nobody_in_particular() -> None:
    dockerfile = (ROOT / "Dockerfile").read_text()
    assert "--require-hashes" in dockerfile
    assert re.search(r"^USER [1-9]\d+$", dockerfile, re.MULTILINE)
    assert dockerfile.index("\nUSER ") < dockerfile.index("\nCMD ")
