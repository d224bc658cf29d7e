"""docker compose --profile scale: three replicas behind nginx, on Redis and on lonely disks."""

import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from tests.conftest import SECRET
from tests.support.services import LabServer, RedisServer, free_port, require, wait_for
from tests.system.deployment.files import read_compose
from tests.system.deployment.test_compose import KEPT, Person, lab_server

REPLICAS = 3
LISTENS = {"filesystem": "8012", "redis": "8013"}


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    return read_compose({"SECRET_KEY": SECRET})


def replicas(compose: dict[str, Any], name: str) -> dict[str, Any]:
    return {f"{name}-{n}": compose["services"][f"{name}-{n}"] for n in range(1, REPLICAS + 1)}


@pytest.fixture(scope="module")
def servers(
    compose: dict[str, Any], redis_server: RedisServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, LabServer]]:
    """Every replica as a process of this machine, each in a folder of its own."""
    require("nginx", "nginx-light")
    started: dict[str, LabServer] = {}
    with ExitStack() as stack:
        for kind in LISTENS:
            for name, service in replicas(compose, kind).items():
                folder = tmp_path_factory.mktemp(name)
                server = lab_server(service, folder, redis_server.url)
                for variable in KEPT:
                    own = server.environment[variable].replace("/data", str(folder))
                    server.environment[variable] = own
                started[name] = stack.enter_context(server)
        yield started


@pytest.fixture(scope="module")
def ports(
    compose: dict[str, Any],
    servers: dict[str, LabServer],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[dict[str, int]]:
    """The file's own nginx configuration, with the addresses that its names have here."""
    folder = tmp_path_factory.mktemp("nginx")
    ports = {name: free_port() for name in LISTENS}
    text = compose["configs"]["nginx"]["content"]
    for name, server in servers.items():
        text = text.replace(f"{name}:5000", f"127.0.0.1:{server.port}")
    for name, port in ports.items():
        text = text.replace(f"listen {LISTENS[name]}", f"listen 127.0.0.1:{port}")
    places = "".join(
        f"{what}_temp_path {folder / what};\n"
        for what in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    (folder / "nginx.conf").write_text(
        f"daemon off; pid {folder / 'pid'}; error_log stderr; events {{}}\n"
        f"http {{ access_log off;\n{places}{text}}}\n"
    )
    command = ["nginx", "-p", str(folder), "-c", str(folder / "nginx.conf"), "-e", "stderr"]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    try:
        for port in ports.values():
            wait_for(f"http://127.0.0.1:{port}/healthz")
        yield ports
    finally:
        process.terminate()
        process.wait()


class Door:
    """nginx in the place of one server."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"


def test_the_configuration_reaches_every_replica_and_nothing_else(compose: dict[str, Any]) -> None:
    text = compose["configs"]["nginx"]["content"]
    named = {word.partition(":")[0] for word in text.split() if ":5000" in word}
    assert named == {name for kind in LISTENS for name in replicas(compose, kind)}
    published = {port.rsplit(":", 1)[1] for port in compose["services"]["nginx"]["ports"]}
    assert published == set(LISTENS.values())


def test_replicas_of_a_kind_are_the_same_and_share_no_disk(compose: dict[str, Any]) -> None:
    for kind in LISTENS:
        first, *others = replicas(compose, kind).values()
        assert all(other == first for other in others)
    assert compose["services"]["filesystem-1"]["volumes"] == []


def test_on_redis_a_login_is_known_to_every_replica(ports: dict[str, int]) -> None:
    person, door = Person(), Door(ports["redis"])
    person.log_in(door)
    assert [person.is_logged_in(door) for _ in range(2 * REPLICAS)] == [True] * 2 * REPLICAS


def test_on_disks_that_are_not_shared_a_login_vanishes(ports: dict[str, int]) -> None:
    person, door = Person(), Door(ports["filesystem"])
    person.log_in(door)
    assert False in [person.is_logged_in(door) for _ in range(2 * REPLICAS)]


def test_one_replica_less_is_noticed_by_nobody_on_redis(
    ports: dict[str, int], servers: dict[str, LabServer]
) -> None:
    person, door = Person(), Door(ports["redis"])
    person.log_in(door)
    servers["redis-2"].stop()
    assert all(person.is_logged_in(door) for _ in range(2 * REPLICAS))
