"""The session folder fails: a readable 503, nobody in, nobody out, nothing left behind.

On SQLite the folder of its one file does; a file that is open stays readable whatever its mode is.
"""

import ctypes
import os
import subprocess
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from backends import BUILT_IN
from tests.support.bare import add_views, make_bare
from tests.support.covers import HAS_STORE, covers

CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH = 1, 2
CAPABILITY_VERSION = 0x20080522

ON_DISK = [backend.name for backend in BUILT_IN.values() if backend.on_disk and not backend.stock]

USER = "x" * 20_000
"""A name that makes a record large."""


@contextmanager
def without_privilege() -> Iterator[None]:
    """Be somebody for whom file permissions count: for root they do not (capabilities(7))."""
    if os.geteuid() != 0:
        yield
        return
    libc = ctypes.CDLL(None)
    header = (ctypes.c_uint32 * 2)(CAPABILITY_VERSION, 0)
    whole = (ctypes.c_uint32 * 6)()
    libc.capget(header, whole)
    lesser = (ctypes.c_uint32 * 6)(*whole)
    lesser[0] &= ~(1 << CAP_DAC_OVERRIDE | 1 << CAP_DAC_READ_SEARCH)
    assert libc.capset(header, lesser) == 0
    try:
        yield
    finally:
        libc.capset(header, whole)


class Site:
    """A bare application whose sessions lie below `folder`, and somebody who is logged in."""

    def __init__(self, folder: Path, backend: str) -> None:
        self.folder = folder
        app = make_bare(backend, SESSION_FILE_DIR=folder)
        app.add_url_rule("/public", "public", lambda: "for everybody")
        self.app = add_views(app)
        self.alice = app.test_client()
        assert log_in(self.alice).status_code == 200

    def temporary_files(self) -> list[Path]:
        return list(self.folder.rglob("*.tmp"))


def log_in(client: FlaskClient) -> Any:
    return client.post(f"/login/{USER}")


@pytest.fixture(params=["filesystem"])
def site(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Site]:
    with without_privilege():
        yield Site(tmp_path / "sessions", request.param)


def refused(response: Any) -> bool:
    if response.status_code != 503:
        return False
    assert int(response.headers["Retry-After"]) >= 1
    assert "Set-Cookie" not in response.headers
    assert "try again" in response.text
    return True


def with_mode(mode: int, find: Callable[[Path], Iterable[Path]]) -> Callable[[Site], Any]:
    """An outage in which what is found in the folder has another mode."""

    @contextmanager
    def outage(site: Site) -> Iterator[None]:
        before = {path: path.stat().st_mode for path in find(site.folder)}
        for path in before:
            path.chmod(mode)
        yield
        for path, own in before.items():
            path.chmod(own)

    return outage


unreadable = with_mode(0, lambda folder: [folder])
unreadable_file = with_mode(0, lambda folder: folder.glob("??/*"))
read_only = with_mode(0o500, lambda folder: [folder, *folder.glob("*/")])


@contextmanager
def gone(site: Site) -> Iterator[None]:
    elsewhere = site.folder.with_name("elsewhere")
    site.folder.rename(elsewhere)
    yield
    elsewhere.rename(site.folder)


@pytest.mark.parametrize(
    ("site", "outage"),
    [*product(ON_DISK, [unreadable, gone]), ("filesystem", unreadable_file)],
    indirect=["site"],
)
def test_an_unreadable_session_is_a_503_and_lives_again_later(site: Site, outage: Any) -> None:
    with outage(site):
        assert refused(site.alice.get("/"))
        assert site.alice.get("/public").status_code == 200
    assert site.alice.get("/").get_json()["user"] == USER


@pytest.mark.parametrize(
    ("site", "outage"),
    [*product(ON_DISK, [unreadable, gone]), ("filesystem", read_only)],
    indirect=["site"],
)
@covers("16.5.2", "16.5.3", applies=HAS_STORE)
def test_what_cannot_be_written_lets_nobody_in_and_nobody_out(site: Site, outage: Any) -> None:
    stranger = site.app.test_client()
    with outage(site):
        assert refused(log_in(stranger))
        assert stranger.get_cookie("session") is None
        assert refused(site.alice.post("/logout"))
        assert site.alice.get_cookie("session") is not None
    assert site.temporary_files() == []
    assert stranger.get("/").get_json() == {}
    assert log_in(stranger).status_code == 200
    assert site.alice.get("/").get_json()["user"] == USER
    assert site.alice.post("/logout").status_code == 200
    assert site.alice.get("/").get_json() == {}


@pytest.fixture
def disk(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Path]:
    """A small file system of its own, with `request.param` as its limit."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", request.param, "tmpfs", str(folder)]
    if subprocess.run(command, capture_output=True, check=False).returncode != 0:
        pytest.skip("a small disk cannot be mounted: run as root, who may mount")
    try:
        yield folder
    finally:
        # Lazily: SQLite's file is open until the application is collected.
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.mark.parametrize(
    ("disk", "backend"),
    [("size=256k", "filesystem"), ("nr_inodes=40", "filesystem"), ("size=256k", "sqlite")],
    indirect=["disk"],
)
def test_a_full_disk_is_a_503_and_keeps_the_old_session(disk: Path, backend: str) -> None:
    spare = [disk / "spare1", disk / "spare2", disk / "spare3"]
    for file in spare:
        file.write_bytes(b"x" * 20_000)
    site = Site(disk / "sessions", backend)
    answers = (log_in(site.app.test_client()) for _ in range(100))
    assert any(refused(response) for response in answers)
    assert site.temporary_files() == []
    assert site.alice.get("/").get_json()["user"] == USER
    assert site.alice.get("/public").status_code == 200
    # To remove a file takes no room; SQLite writes what it removes into its log, and refuses.
    removes_files = BUILT_IN[backend].file_per_session
    assert site.alice.post("/logout").status_code == (200 if removes_files else 503)
    assert bool(site.alice.get("/").get_json()) is not removes_files
    for file in spare:
        file.unlink()
    assert log_in(site.app.test_client()).status_code == 200
