"""An upload kept in the session: the same bytes come back, to save and never to show."""

import os
from io import BytesIO
from typing import Any

import pytest

from app.demos.uploads import MAX_UPLOAD_BYTES
from backends import Backend
from tests.app.conftest import on_each_state
from tests.support.visitor import Visitor

ANY_BYTES = bytes(range(256)) + b"\r\n\x00\xff"


@pytest.fixture
def uploader(visitor: Visitor) -> Visitor:
    visitor.log_in()
    return visitor


def _upload(visitor: Visitor, content: bytes, name: str = "notes.txt") -> Any:
    return visitor.post("/uploads", file=(BytesIO(content), name))


def _download(visitor: Visitor) -> Any:
    return visitor.get("/uploads/file")


def test_a_file_comes_back_byte_for_byte(uploader: Visitor) -> None:
    for content, size in ((b"", "0 bytes<"), (b"x", "1 byte<"), (ANY_BYTES, "260 bytes<")):
        _upload(uploader, content)
        assert _download(uploader).data == content
        assert size in uploader.get("/uploads").text


def test_a_file_is_handed_out_to_save_and_never_to_show(uploader: Visitor) -> None:
    _upload(uploader, b"<script>alert(1)</script>", "page.txt")
    headers = _download(uploader).headers
    assert headers["Content-Disposition"] == "attachment; filename=page.txt"
    assert headers["Content-Type"] == "application/octet-stream"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Cache-Control"] == "no-store"


SHOWN = {
    "../../etc/passwd.txt": "passwd.txt",
    "/srv/notes.md": "notes.md",
    "Größe 日本.png": "Größe 日本.png",
    "a\u202egnp.txt": "agnp.txt",
    "x" * 300 + ".csv": "x" * 96 + ".csv",
    "it's; this.txt": "it's; this.txt",
}


def test_a_name_is_shown_without_its_folders_and_tricks(uploader: Visitor) -> None:
    for name, shown in SHOWN.items():
        _upload(uploader, b"x", name)
        assert uploader.session()["upload"]["name"] == shown
        assert _download(uploader).status_code == 200


def test_a_file_of_another_kind_is_refused(uploader: Visitor) -> None:
    for name in ("page.html", "program.exe", "picture.svg", "txt", ""):
        assert _upload(uploader, b"x", name).status_code == 400, name
        assert _download(uploader).status_code == 404


def test_a_file_over_the_limit_is_refused(uploader: Visitor) -> None:
    assert _upload(uploader, bytes(MAX_UPLOAD_BYTES + 1)).status_code == 400
    far_over = uploader.client.post(
        "/uploads", data=bytes(2 * 1024 * 1024), content_type="multipart/form-data; boundary=x"
    )
    assert far_over.status_code == 413
    assert _download(uploader).status_code == 404


@on_each_state
def test_a_file_fits_or_is_refused_without_a_change(uploader: Visitor, backend: Backend) -> None:
    _upload(uploader, b"small")
    large = os.urandom(MAX_UPLOAD_BYTES)
    answer = _upload(uploader, large, "large.png")
    if backend.state == "browser":
        assert answer.status_code == 413
        assert "4096" in answer.text
        assert _download(uploader).data == b"small"
    else:
        assert answer.status_code == 302
        assert _download(uploader).data == large


def test_deleting_leaves_nothing_and_can_be_repeated(uploader: Visitor) -> None:
    _upload(uploader, b"x")
    for _ in range(2):
        assert uploader.post("/uploads/delete").status_code == 302
        assert _download(uploader).status_code == 404
    assert "No file" in uploader.get("/uploads").text


def test_a_file_belongs_to_its_session_alone(uploader: Visitor) -> None:
    _upload(uploader, b"x")
    other = Visitor(uploader.app)
    assert _download(other).status_code == 302
    other.log_in("bob")
    assert _download(other).status_code == 404
    uploader.post("/logout")
    uploader.log_in()
    assert _download(uploader).status_code == 404
