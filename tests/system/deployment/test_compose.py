"""docker-compose.yml: the specification's rules, and its services started without an engine."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from threading import Barrier
from typing import Any
from urllib.parse import urlsplit

import pytest

from app.config import INSTANCE
from app.lab.browser.client import Browser
from app.secret_key import load_or_create_secret
from backends import BACKENDS
from tests.conftest import SECRET
from tests.support.services import PATIENCE, LabServer, RedisServer, free_port, require, untraced
from tests.system.deployment.files import read_compose, read_image

PORTS = {"side-by-side": "8000", "cookie": "8001", "filesystem": "8002", "redis": "8003"}

TOP_LEVEL = {"name", "services", "networks", "volumes", "configs", "secrets", "include"}
CONDITIONS = {"service_started", "service_healthy", "service_completed_successfully"}
RESTART = r"no|always|unless-stopped|on-failure(:\d+)?"
DURATION = r"(\d+(us|ms|s|m|h))+"
PUBLISHED = r"(?P<address>[\d.]+):(?P<host>\d+):(?P<container>\d+)"

UIDS = {"lab": 10001}
"""Of the users that the image makes."""

KEPT = ("SESSION_FILE_DIR", "ACCOUNTS_FILE")
"""The variables that name what outlives a container."""

Service = dict[str, Any]


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    """As it is with nothing set."""
    return read_compose({})


@pytest.fixture(params=[*PORTS, "redis-server"])
def service(request: pytest.FixtureRequest, compose: dict[str, Any]) -> Service:
    found: Service = compose["services"][request.param]
    return found


def test_the_top_level_is_as_the_specification_says(compose: dict[str, Any]) -> None:
    assert {name for name in compose if not name.startswith("x-")} <= TOP_LEVEL
    always = {name for name, service in compose["services"].items() if "profiles" not in service}
    assert always == {*PORTS, "redis-server"}


def test_a_service_is_as_the_specification_says(service: Service, compose: dict[str, Any]) -> None:
    assert service.get("image") or service.get("build")
    assert re.fullmatch(RESTART, service["restart"])
    for name, value in service.get("environment", {}).items():
        assert re.fullmatch(r"[A-Z_]+", name)
        assert isinstance(value, str)
    for name, how in service.get("depends_on", {}).items():
        assert how["condition"] in CONDITIONS
        assert "healthcheck" in compose["services"][name]
    check = service.get("healthcheck", {"test": ["NONE"]})
    assert check["test"][0] in ("NONE", "CMD", "CMD-SHELL")
    for name in {"interval", "timeout", "start_period"} & set(check):
        assert re.fullmatch(DURATION, check[name])
    for volume in service["volumes"]:
        name, folder = volume.split(":")
        assert name in compose["volumes"]
        assert Path(folder).is_absolute()


def test_one_service_builds_the_image_of_all(compose: dict[str, Any]) -> None:
    services = [compose["services"][name] for name in PORTS]
    assert len({service["image"] for service in services}) == 1
    assert [service.get("build") for service in services] == [".", None, None, None]


def test_a_servers_image_is_pinned_to_its_major_version(compose: dict[str, Any]) -> None:
    assert re.fullmatch(r"redis:\d+(\.\d+)*(-\w+)?", compose["services"]["redis-server"]["image"])


def test_each_port_is_published_on_this_machine_only(compose: dict[str, Any]) -> None:
    # The demo accounts' passwords are on the login page: nobody else in the network may use them.
    container = read_image().environment["PORT"]
    for name, port in PORTS.items():
        (published,) = compose["services"][name]["ports"]
        found = re.fullmatch(PUBLISHED, published)
        assert found is not None
        assert found.groupdict() == {"address": "127.0.0.1", "host": port, "container": container}
    assert "ports" not in compose["services"]["redis-server"]


def test_the_services_differ_in_the_backend_only(compose: dict[str, Any]) -> None:
    for name in PORTS:
        service = compose["services"][name]
        environment = dict(service["environment"])
        assert environment.pop("SESSION_BACKEND", "side-by-side") == name
        rest = {**service, "environment": environment, "ports": None, "build": None}
        reference = compose["services"]["side-by-side"]
        assert rest == {**reference, "ports": None, "build": None}


def test_what_outlives_a_container_is_on_the_volume(compose: dict[str, Any]) -> None:
    mounted_at = Path(_volume(compose["services"]["filesystem"])[1])
    for variable in KEPT:
        assert mounted_at in Path(read_image().environment[variable]).parents


def test_a_secret_key_may_be_given_and_is_else_kept_on_the_volume(compose: dict[str, Any]) -> None:
    assert compose["services"]["cookie"]["environment"]["SECRET_KEY"] == ""
    given = read_compose({"SECRET_KEY": SECRET})
    assert given["services"]["cookie"]["environment"]["SECRET_KEY"] == SECRET
    mounted_at = _volume(compose["services"]["cookie"])[1]
    assert f"ln --symbolic {mounted_at} {INSTANCE}" in read_image().all("RUN")


def test_services_that_start_at_once_agree_on_one_key(tmp_path: Path) -> None:
    path, at_once = tmp_path / "instance" / "secret_key", 16
    barrier = Barrier(at_once)

    def start(_: int) -> str:
        barrier.wait()
        return load_or_create_secret(path)

    with ThreadPoolExecutor(at_once) as pool:
        assert len(set(pool.map(start, range(at_once)))) == 1


@pytest.mark.parametrize("name", [*PORTS, "redis-server", "nginx", "redis-1", "filesystem-1"])
def test_a_service_has_no_more_rights_than_it_needs(name: str, compose: dict[str, Any]) -> None:
    service = compose["services"][name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert re.fullmatch(r"\d+m", service["mem_limit"])
    assert service.get("cap_add", []) == (["CHOWN", "SETGID", "SETUID"] if name == "nginx" else [])
    written = [volume.split(":")[1] for volume in service.get("volumes", ())]
    written += service.get("tmpfs", [])
    if service["image"] == "session-lab":
        folders = {folder.partition(":")[0] for folder in written}
        assert folders == {"/data", "/tmp"}  # noqa: S108 - mounts of the container
        uid = read_image().all("USER")[-1]
        assert all(f"uid={UIDS[uid]}" in each for each in written if each.startswith("/data:"))
    assert "privileged" not in service
    assert "network_mode" not in service


def _volume(service: Service) -> tuple[str, str]:
    name, folder = service["volumes"][0].split(":")
    return name, folder


def lab_server(service: Service, folder: Path, redis_url: str) -> LabServer:
    """The service's process here: its volume in `folder`, its Redis at `redis_url`."""
    image = read_image()
    assert image.environment["HOST"] == "0.0.0.0"  # noqa: S104
    environment = {**image.environment, **service["environment"]}
    del environment["HOST"], environment["PORT"]
    for volume in service["volumes"]:
        name, mounted_at = volume.split(":")
        for variable in KEPT:
            environment[variable] = environment[variable].replace(mounted_at, str(folder / name))
    assert urlsplit(environment["REDIS_URL"]).hostname in service["depends_on"]
    environment["REDIS_URL"] = redis_url
    command = service.get("command", image.command)
    assert command[0] == "python"
    server = LabServer(folder, environment, (sys.executable, *command[1:]))
    server.environment = untraced(server.environment)
    return server


@pytest.fixture(scope="module")
def redis(
    compose: dict[str, Any], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RedisServer]:
    program, *options = compose["services"]["redis-server"]["command"]
    assert program == "redis-server"
    with RedisServer(tmp_path_factory.mktemp("redis-data"), *options) as server:
        yield server


@pytest.fixture(scope="module")
def running(
    compose: dict[str, Any], redis: RedisServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, LabServer]]:
    """Every service of the application as a process of this machine."""
    folder = tmp_path_factory.mktemp("deployment")
    servers = {name: lab_server(compose["services"][name], folder, redis.url) for name in PORTS}
    with ExitStack() as stack:
        for server in servers.values():
            stack.enter_context(server)
        yield servers


LOGIN = {"username": "alice", "password": "wonderland"}


def log_in(url: str, path: str = "/login") -> Browser:
    browser = Browser()
    browser.post(url + path, LOGIN)
    return browser


def is_logged_in(browser: Browser, url: str) -> bool:
    return browser.get(f"{url}/dashboard").status == 200


def sessions(browser: Browser) -> set[str]:
    return {cookie.name for cookie in browser.jar if cookie.name.startswith("session_")}


@pytest.mark.parametrize("name", ["cookie", "filesystem", "redis"])
def test_each_port_has_a_login_and_a_logout(name: str, running: dict[str, LabServer]) -> None:
    url = running[name].url
    assert not is_logged_in(Browser(), url)
    alice = log_in(url)
    assert sessions(alice) == {f"session_{name}"}
    assert is_logged_in(alice, url)
    assert is_logged_in(alice, f"{running['side-by-side'].url}/{name}")
    alice.post(f"{url}/logout")
    assert sessions(alice) == set()
    assert not is_logged_in(alice, url)


def test_one_login_side_by_side_is_one_on_every_backend(running: dict[str, LabServer]) -> None:
    url = running["side-by-side"].url
    alice = log_in(url, "/all/login")
    assert sessions(alice) == {f"session_{name.replace('-', '_')}" for name in BACKENDS}
    assert all(is_logged_in(alice, f"{url}/{name}") for name in BACKENDS)
    alice.post(f"{url}/all/logout")
    assert not any(is_logged_in(alice, f"{url}/{name}") for name in BACKENDS)


def test_a_restart_of_a_service_keeps_the_session(
    running: dict[str, LabServer], redis: RedisServer
) -> None:
    """With the volume and the key; on a cookie it needs no more than the key."""
    server = running["filesystem"]
    on_files, on_redis = log_in(server.url), log_in(running["redis"].url)
    assert server.stop() == 0
    server.start()
    redis.stop()
    redis.start()
    assert is_logged_in(on_files, server.url)
    assert is_logged_in(on_redis, running["redis"].url)


def test_the_health_check_of_the_image_tells_the_truth(running: dict[str, LabServer]) -> None:
    def check(port: int) -> int:
        command = [sys.executable, *read_image().healthcheck[1:]]
        environment = {**untraced(os.environ), "PORT": str(port)}
        return subprocess.run(
            command, env=environment, capture_output=True, timeout=PATIENCE
        ).returncode

    assert check(running["cookie"].port) == 0
    assert check(free_port()) != 0


def test_no_service_logs_a_warning(running: dict[str, LabServer]) -> None:
    lines = [line for server in running.values() for line in server.errors.splitlines()]
    assert [line for line in lines if " INFO " not in line] == []


def test_the_health_check_of_redis_tells_the_truth(compose: dict[str, Any], tmp_path: Path) -> None:
    kind, program, *options = compose["services"]["redis-server"]["healthcheck"]["test"]
    assert kind == "CMD"
    require(program, "redis-tools")
    with RedisServer(tmp_path) as server:
        check = (program, "-p", str(server.port), *options)
        assert subprocess.run(check, capture_output=True, timeout=PATIENCE).returncode == 0
    assert subprocess.run(check, capture_output=True, timeout=PATIENCE).returncode != 0
