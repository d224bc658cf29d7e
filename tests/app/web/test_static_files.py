"""Static files: compressed, cached for a year, at one address for all mounts."""

import gzip
import re
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.app.conftest import MakeLab
from tests.support.visitor import Visitor

FILE = re.compile(r'(?:href|src)="([^"]*static/[^"]+)"')


@pytest.fixture
def client(make_lab: MakeLab) -> FlaskClient:
    return make_lab().test_client()


def files_of(client: FlaskClient, path: str) -> set[str]:
    """The addresses of the static files that a page loads."""
    return set(FILE.findall(client.get(path).text))


def test_a_static_file_comes_compressed_and_no_page_does(client: FlaskClient) -> None:
    (address,) = [each for each in files_of(client, "/login") if "bootstrap" in each]
    plain = client.get(address, buffered=True)
    for encoding in ("gzip", "br"):
        packed = client.get(address, headers={"Accept-Encoding": encoding}, buffered=True)
        assert packed.headers["Content-Encoding"] == encoding
        assert "Accept-Encoding" in packed.headers["Vary"]
        assert len(packed.data) < len(plain.data) / 4
        if encoding == "gzip":
            assert gzip.decompress(packed.data) == plain.data
    for path in ("/login", "/", "/inspect", "/request-info"):
        answer = client.get(path, headers={"Accept-Encoding": "gzip, br"})
        assert "Content-Encoding" not in answer.headers


def test_a_browser_finds_the_icon_where_it_looks_on_its_own(make_lab: MakeLab) -> None:
    for backend in ("filesystem", None):
        answer = make_lab(backend).test_client().get("/favicon.ico", buffered=True)
        assert (answer.status_code, answer.mimetype) == (200, "image/svg+xml")
    alice = Visitor(make_lab("filesystem")).logged_in()
    alice.client.get("/favicon.ico", buffered=True)
    assert "favicon" not in alice.get("/column").text


def test_a_file_is_kept_for_a_year_under_an_address_that_its_content_makes(
    client: FlaskClient,
) -> None:
    addresses = files_of(client, "/login")
    assert addresses
    for address in addresses:
        assert re.search(r"\?v=[0-9a-f]{12}$", address)
        answer = client.get(address, buffered=True)
        assert answer.status_code == 200
        assert "immutable" in answer.headers["Cache-Control"]
        plain = client.get(address.partition("?")[0], buffered=True)
        assert "immutable" not in plain.headers["Cache-Control"]


def test_all_mounts_load_the_same_files(make_lab: MakeLab) -> None:
    client = make_lab(None).test_client()
    on_mounts = [files_of(client, f"/{mount}/login") for mount in ("cookie", "redis")]
    assert on_mounts[0] == on_mounts[1]
    assert all(client.get(address, buffered=True).status_code == 200 for address in on_mounts[0])
    assert not any(address.startswith(("/cookie", "/redis")) for address in on_mounts[0])


def test_an_address_without_a_file_is_made_too(make_lab: MakeLab) -> None:
    app: Flask = make_lab()
    answer = app.test_client().get("/static/nothing.css?v=0123456789ab")
    assert answer.status_code == 404
    assert "immutable" not in answer.headers.get("Cache-Control", "")
    with app.test_request_context("/"):
        assert app.url_for("static", filename="nothing.css") == "/static/nothing.css"
        assert Path(app.static_folder or "").is_dir()
