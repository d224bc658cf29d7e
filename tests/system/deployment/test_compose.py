"""docker-compose.yml: the specification's rules, and its services started without an engine."""

import os
import re
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import redis

from app.config import INSTANCE
from app.lab.browser.client import Browser
from app.lab.measuring import call_in_parallel
from app.secret_key import load_or_create_secret
from tests.conftest import SECRET
from tests.support.processes import run
from tests.support.services import LabServer, RedisServer, free_port, require, untraced
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


@pytest.fixture(params=[*PORTS, "redis-server", "redis-password"])
def service(request: pytest.FixtureRequest, compose: dict[str, Any]) -> Service:
    found: Service = compose["services"][request.param]
    return found


def test_the_top_level_is_as_the_specification_says(compose: dict[str, Any]) -> None:
    assert {name for name in compose if not name.startswith("x-")} <= TOP_LEVEL
    always = {name for name, service in compose["services"].items() if "profiles" not in service}
    assert always == {*PORTS, "redis-server", "redis-password"}


def test_a_service_is_as_the_specification_says(service: Service, compose: dict[str, Any]) -> None:
    assert service.get("image") or service.get("build")
    assert re.fullmatch(RESTART, service["restart"])
    for name, value in service.get("environment", {}).items():
        assert re.fullmatch(r"[A-Z_]+", name)
        assert isinstance(value, str)
    for name, how in service.get("depends_on", {}).items():
        assert how["condition"] in CONDITIONS
        if how["condition"] == "service_healthy":
            assert compose["services"][name]["healthcheck"]["test"]
        else:
            assert compose["services"][name]["restart"] == "no"  # it has to end
    check = service.get("healthcheck", {"disable": True})
    assert check.get("disable") or check["test"][0] in ("CMD", "CMD-SHELL")
    for name in {"interval", "timeout", "start_period"} & set(check):
        assert re.fullmatch(DURATION, check[name])
    for volume in service["volumes"]:
        name, folder, *mode = volume.split(":")
        assert name in compose["volumes"]
        assert Path(folder).is_absolute()
        assert mode in ([], ["ro"])


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
        assert rest == {**compose["services"]["side-by-side"], "ports": None, "build": None}


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
    starts = [partial(load_or_create_secret, tmp_path / "instance" / "secret_key")] * 16
    assert len(set(call_in_parallel(*starts))) == 1


@pytest.mark.parametrize(
    "name", [*PORTS, "redis-server", "redis-password", "nginx", "redis-1", "filesystem-1"]
)
def test_a_service_has_no_more_rights_than_it_needs(name: str, compose: dict[str, Any]) -> None:
    service = compose["services"][name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert re.fullmatch(r"\d+m", service["mem_limit"])
    assert "cap_add" not in service
    assert service.get("user") != "root"
    written = [volume.partition(":")[2] for volume in service.get("volumes", ())]
    assert ("/made" in written) is (name == "redis-password")
    written += service.get("tmpfs", [])
    if service["image"] == "session-lab":
        folders = {folder.partition(":")[0] for folder in written}
        is_app = name != "redis-password"
        assert folders == {"/made"} | ({"/data", "/tmp"} if is_app else set())  # noqa: S108
        uid = read_image().all("USER")[-1]
        assert all(f"uid={UIDS[uid]}" in each for each in written if each.startswith("/data:"))
    assert "privileged" not in service
    assert service.get("network_mode", "none") == "none"


def _volume(service: Service) -> tuple[str, str]:
    name, folder = service["volumes"][0].split(":")
    return name, folder


def in_folder(folder: Path, text: str, service: Service) -> str:
    """The text with the folder of each volume in place of where it is mounted."""
    for volume in service["volumes"]:
        name, mounted_at, *_ = volume.split(":")
        (folder / name).mkdir(exist_ok=True)
        text = text.replace(f"{mounted_at}/", f"{folder / name}/")
    return text


def lab_server(service: Service, folder: Path, redis_url: str) -> LabServer:
    """The service's process here: its volume in `folder`, its Redis at `redis_url`."""
    image = read_image()
    assert image.environment["HOST"] == "0.0.0.0"  # noqa: S104
    environment = {**image.environment, **service["environment"]}
    del environment["HOST"], environment["PORT"]
    for variable in (*KEPT, "REDIS_PASSWORD_FILE"):
        environment[variable] = in_folder(folder, environment[variable], service)
    assert urlsplit(environment["REDIS_URL"]).hostname in service["depends_on"]
    environment["REDIS_URL"] = redis_url
    command = service.get("command", image.command)
    assert command[0] == "python"
    server = LabServer(folder, environment, (sys.executable, *command[1:]))
    server.environment = untraced(server.environment)
    return server


@pytest.fixture(scope="module")
def folder(compose: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the volumes are, after the service that makes the password has ended."""
    folder = tmp_path_factory.mktemp("deployment")
    assert make_password(compose, folder) == 0
    return folder


def make_password(compose: dict[str, Any], folder: Path) -> int:
    """Run the service that makes the password; its exit status."""
    service = compose["services"]["redis-password"]
    *shell, script = service["entrypoint"]
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    command = [*shell, in_folder(folder, script, service), *service["command"]]
    return run(command, environment={"PATH": path}).returncode


class ComposedRedis(RedisServer):
    """The service's process here, with a port and a folder of its own."""

    def __init__(self, service: Service, folder: Path) -> None:
        require("redis-cli", "redis-tools")
        super().__init__(folder / "redis-data")
        *shell, script = service["command"]
        script = in_folder(folder, script, service)
        self.password = (folder / "made/redis_password").read_text().strip()
        self.command = [*shell, f"{script} --port {self.port} --bind 127.0.0.1 --dir {self.folder}"]

    def client(self) -> "redis.Redis":
        client = super().client()
        client.connection_pool.connection_kwargs["password"] = self.password
        return client


@pytest.fixture(scope="module")
def redis_service(compose: dict[str, Any], folder: Path) -> Iterator[ComposedRedis]:
    with ComposedRedis(compose["services"]["redis-server"], folder) as server:
        yield server


@pytest.fixture(scope="module")
def running(
    compose: dict[str, Any], redis_service: ComposedRedis, folder: Path
) -> Iterator[dict[str, LabServer]]:
    """Services as processes of this machine; they differ in the backend only."""
    servers = {
        name: lab_server(compose["services"][name], folder, redis_service.url)
        for name in ("side-by-side", "filesystem", "redis")
    }
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


@pytest.mark.parametrize("name", ["filesystem", "redis"])
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


def test_a_restart_of_a_service_keeps_the_session(
    running: dict[str, LabServer], redis_service: ComposedRedis
) -> None:
    """With the volume and the key; on a cookie it needs no more than the key."""
    server = running["filesystem"]
    on_files, on_redis = log_in(server.url), log_in(running["redis"].url)
    assert server.stop() == 0
    server.start()
    redis_service.stop()
    redis_service.start()
    assert is_logged_in(on_files, server.url)
    assert is_logged_in(on_redis, running["redis"].url)


def test_the_health_check_of_the_image_tells_the_truth(running: dict[str, LabServer]) -> None:
    def check(port: int) -> int:
        command = [sys.executable, *read_image().healthcheck[1:]]
        return run(command, environment={**untraced(os.environ), "PORT": str(port)}).returncode

    assert check(running["side-by-side"].port) == 0
    assert check(free_port()) != 0


def test_no_service_logs_a_warning(running: dict[str, LabServer]) -> None:
    lines = [line for server in running.values() for line in server.errors.splitlines()]
    assert [line for line in lines if " INFO " not in line] == []


def test_the_health_check_of_redis_tells_the_truth(
    compose: dict[str, Any], redis_service: ComposedRedis, folder: Path
) -> None:
    service = compose["services"]["redis-server"]
    kind, script = service["healthcheck"]["test"]
    assert kind == "CMD-SHELL"
    port = f"redis-cli -p {redis_service.port}"
    command = ["sh", "-c", in_folder(folder, script, service).replace("redis-cli", port)]
    assert run(command).returncode == 0
    redis_service.stop()
    assert run(command).returncode != 0
    redis_service.start()


def test_redis_answers_nobody_without_its_password(redis_service: ComposedRedis) -> None:
    stranger = redis.Redis(port=redis_service.port)
    with pytest.raises(redis.AuthenticationError):
        stranger.keys()
    stranger.close()
    assert len(redis_service.password) == 64
    arguments = Path(f"/proc/{redis_service.process.pid}/cmdline")  # type: ignore[union-attr]
    assert redis_service.password not in arguments.read_text()


def test_without_a_password_redis_does_not_start(compose: dict[str, Any], tmp_path: Path) -> None:
    service = compose["services"]["redis-server"]
    *shell, script = service["command"]
    assert run([*shell, in_folder(tmp_path, script, service)]).returncode != 0


def test_a_password_is_made_once(compose: dict[str, Any], folder: Path) -> None:
    made = (folder / "made/redis_password").read_text()
    assert make_password(compose, folder) == 0
    assert (folder / "made/redis_password").read_text() == made
