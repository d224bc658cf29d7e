"""An upload kept in the session: the same bytes come back, to save and never to show."""

import os
from io import BytesIO
from typing import Any

from app.demos.uploads import MAX_UPLOAD_BYTES
from backends import Backend
from tests.app.conftest import on_each_state
from tests.support.visitor import Visitor

ANY_BYTES = bytes(range(256)) + b"\r\n\x00\xff"


def _upload(visitor: Visitor, content: bytes, name: str = "notes.txt") -> Any:
    return visitor.post("/uploads", file=(BytesIO(content), name))


def _download(visitor: Visitor) -> Any:
    return visitor.get("/uploads/file")


def test_a_file_comes_back_byte_for_byte(alice: Visitor) -> None:
    for content, size in ((b"", "0 bytes<"), (b"x", "1 byte<"), (ANY_BYTES, "260 bytes<")):
        _upload(alice, content)
        assert _download(alice).data == content
        assert size in alice.get("/uploads").text


def test_a_file_is_handed_out_to_save_and_never_to_show(alice: Visitor) -> None:
    _upload(alice, b"<script>alert(1)</script>", "page.txt")
    headers = _download(alice).headers
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


def test_a_name_is_shown_without_its_folders_and_tricks(alice: Visitor) -> None:
    for name, shown in SHOWN.items():
        _upload(alice, b"x", name)
        assert alice.session()["upload"]["name"] == shown
        assert _download(alice).status_code == 200


def test_a_file_of_another_kind_is_refused(alice: Visitor) -> None:
    for name in ("page.html", "program.exe", "picture.svg", "txt", ""):
        assert _upload(alice, b"x", name).status_code == 400, name
        assert _download(alice).status_code == 404


def test_a_file_over_the_limit_is_refused(alice: Visitor) -> None:
    assert _upload(alice, bytes(MAX_UPLOAD_BYTES + 1)).status_code == 400
    far_over = alice.client.post(
        "/uploads", data=bytes(2 * 1024 * 1024), content_type="multipart/form-data; boundary=x"
    )
    assert far_over.status_code == 413
    assert _download(alice).status_code == 404


@on_each_state
def test_a_file_fits_or_is_refused_without_a_change(alice: Visitor, backend: Backend) -> None:
    _upload(alice, b"small")
    large = os.urandom(MAX_UPLOAD_BYTES)
    answer = _upload(alice, large, "large.png")
    if backend.state == "browser":
        assert answer.status_code == 413
        assert "4096" in answer.text
        assert _download(alice).data == b"small"
    else:
        assert answer.status_code == 302
        assert _download(alice).data == large


def test_deleting_leaves_nothing_and_can_be_repeated(alice: Visitor) -> None:
    _upload(alice, b"x")
    for _ in range(2):
        assert alice.post("/uploads/delete").status_code == 302
        assert _download(alice).status_code == 404
    assert "No file" in alice.get("/uploads").text


def test_a_file_belongs_to_its_session_alone(alice: Visitor) -> None:
    _upload(alice, b"x")
    other = Visitor(alice.app)
    assert _download(other).status_code == 302
    other.log_in("bob")
    assert _download(other).status_code == 404
    alice.post("/logout")
    alice.log_in()
    assert _download(alice).status_code == 404
