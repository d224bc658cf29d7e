"""docker compose --profile scale: three replicas behind nginx, on Redis and on lonely disks."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest

from app.lab.browser.client import Browser
from tests.conftest import SECRET
from tests.support.services import PATIENCE, LabServer, Server, free_ports, require, until
from tests.system.deployment.files import read_compose
from tests.system.deployment.test_compose import (
    KEPT,
    ComposedRedis,
    is_logged_in,
    lab_server,
    log_in,
    make_password,
)

REPLICAS = 3
STARTED = 2
"""Enough to tell one server from several; the third name is another name of the first."""

LISTENS = {"filesystem": "8012", "redis": "8013"}


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    return read_compose({"SECRET_KEY": SECRET})


def replicas(compose: dict[str, Any], name: str) -> dict[str, Any]:
    return {f"{name}-{n}": compose["services"][f"{name}-{n}"] for n in range(1, REPLICAS + 1)}


@pytest.fixture(scope="module")
def servers(
    compose: dict[str, Any], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, LabServer]]:
    """Two replicas of each kind as processes of this machine, each in a folder of its own."""
    require("nginx", "nginx-light")
    started: dict[str, LabServer] = {}
    shared = tmp_path_factory.mktemp("shared")
    make_password(compose, shared)
    with ExitStack() as stack:
        redis = stack.enter_context(ComposedRedis(compose["services"]["redis-server"], shared))
        for kind in LISTENS:
            for name, service in list(replicas(compose, kind).items())[:STARTED]:
                folder = tmp_path_factory.mktemp(name)
                (folder / "made").symlink_to(shared / "made")
                server = lab_server(service, folder, redis.url)
                for variable in KEPT:
                    own = server.environment[variable].replace("/data", str(folder))
                    server.environment[variable] = own
                started[name] = stack.enter_context(server)
        yield started


class Nginx(Server):
    """nginx with the configuration of the Compose file, and the addresses of these servers."""

    def __init__(self, folder: Path, text: str, servers: dict[str, LabServer]) -> None:
        self.folder = folder
        self.ports = dict(zip(LISTENS, free_ports(len(LISTENS)), strict=True))
        self.port = self.ports["redis"]
        for kind, port in self.ports.items():
            text = text.replace(f"listen {LISTENS[kind]}", f"listen 127.0.0.1:{port}")
            for number in range(REPLICAS):
                server = servers[f"{kind}-{number % STARTED + 1}"]
                text = text.replace(f"{kind}-{number + 1}:5000", f"127.0.0.1:{server.port}")
        places = "".join(
            f"{what}_temp_path {folder / what};\n"
            for what in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        (folder / "nginx.conf").write_text(
            f"daemon off; pid {folder / 'pid'}; error_log stderr; events {{}}\n"
            f"http {{ access_log off;\n{places}{text}}}\n"
        )
        self.command = [
            *(require("nginx", "nginx-light"), "-p", str(folder)),
            *("-c", str(folder / "nginx.conf"), "-e", "stderr"),
        ]

    def _wait(self, process: object) -> None:
        def is_up(port: int) -> bool:
            urlopen(f"http://127.0.0.1:{port}/healthz", timeout=PATIENCE).close()
            return True

        until(lambda: all(map(is_up, self.ports.values())))


@pytest.fixture(scope="module")
def urls(
    compose: dict[str, Any], servers: dict[str, LabServer], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, str]]:
    """The address of nginx for each kind of replica."""
    text = compose["configs"]["nginx"]["content"]
    with Nginx(tmp_path_factory.mktemp("nginx"), text, servers) as nginx:
        yield {kind: f"http://127.0.0.1:{port}" for kind, port in nginx.ports.items()}


def test_nginx_reaches_every_replica_and_nothing_else(compose: dict[str, Any]) -> None:
    text = compose["configs"]["nginx"]["content"]
    named = {word.partition(":")[0] for word in text.split() if ":5000" in word}
    assert named == {name for kind in LISTENS for name in replicas(compose, kind)}
    published = {port.rsplit(":", 1)[1] for port in compose["services"]["nginx"]["ports"]}
    assert published == set(LISTENS.values())


def test_replicas_of_a_kind_are_the_same_and_share_no_disk(compose: dict[str, Any]) -> None:
    for kind in LISTENS:
        first, *others = replicas(compose, kind).values()
        assert all(other == first for other in others)
    assert compose["services"]["filesystem-1"]["volumes"] == ["made:/made:ro"]


def known(alice: Browser, url: str) -> list[bool]:
    """Which of two rounds of requests find her login."""
    return [is_logged_in(alice, url) for _ in range(2 * REPLICAS)]


def test_on_redis_a_login_survives_the_loss_of_a_replica(
    urls: dict[str, str], servers: dict[str, LabServer]
) -> None:
    alice = log_in(urls["redis"])
    assert all(known(alice, urls["redis"]))
    servers["redis-2"].stop()
    assert all(known(alice, urls["redis"]))


def test_on_disks_that_are_not_shared_a_login_vanishes(urls: dict[str, str]) -> None:
    assert not all(known(log_in(urls["filesystem"]), urls["filesystem"]))
