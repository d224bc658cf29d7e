"""The document's functions work, and their page shows their code and their answers."""

import inspect
import re
from html import unescape

import pytest

from app import dashboard, public_pages
from app.demos import building_blocks
from app.demos.building_blocks import BLOCKS, WAYS
from tests.app.conftest import MakeLab
from tests.support.visitor import Visitor

SECRET_TEXT = "what-nobody-may-repeat"


def answer_on_page(visitor: Visitor, query: str) -> str:
    """What the page shows as the answer."""
    page = visitor.get(f"/building-blocks?{query}").text
    found = re.search(r'aria-label="Status, headers and body[^"]*">(.*?)</pre>', page, re.DOTALL)
    assert found is not None
    return unescape(re.sub("<[^>]+>", "", found[1]))


def test_a_cookie_of_an_hour_is_set_by_a_get(visitor: Visitor) -> None:
    header = visitor.get("/set-cookie").headers["Set-Cookie"]
    parts = header.split("; ")
    assert parts[0] == "username=john_doe"
    assert {"Max-Age=3600", "HttpOnly", "Path=/", "SameSite=Lax"} <= set(parts)
    assert visitor.cookie("username") == "john_doe"
    assert "Delete that cookie" in visitor.get("/building-blocks").text
    visitor.post("/building-blocks/forget")
    assert visitor.cookie("username") is None


def test_there_is_a_page_for_any_name(visitor: Visitor) -> None:
    for name in ("alice", "nobody", "ä€😀", "<script>alert(1)", "a b"):
        page = visitor.get(f"/user/{name}")
        assert page.status_code == 200
        assert name in unescape(page.text)
        assert "<script>alert" not in page.text
    for name in ("x" * 81, "\0", "a%0d%0ab", "%E2%80%AE"):
        assert visitor.get(f"/user/{name}").status_code == 404


@pytest.mark.parametrize("way", WAYS)
def test_what_arrived_is_told_by_name_and_size(visitor: Visitor, way: str) -> None:
    more = WAYS[way](SECRET_TEXT)
    method = more.pop("method")
    if method == "GET" and "data" in more:
        more = {"query_string": more["data"]}
    answer = visitor.client.open("/request-info", method=method, **more)
    told = answer.get_json()
    assert SECRET_TEXT not in answer.text
    if way == "json":
        assert told["json"]["names"] == ["text"]
    else:
        sizes = {each["name"].lower(): each["bytes"] for each in told[way]}
        name = "x-text" if way == "headers" else "text"
        assert sizes[name] == len(name) + len(SECRET_TEXT)


def test_any_json_is_told_and_none_breaks_it(visitor: Visitor) -> None:
    bodies = (b"[" * 100_000, b"{", b"\xff", b'"text"', b"[1]", b"null", b"", b'{"a":' * 5_000)
    for body in bodies:
        answer = visitor.client.post("/request-info", data=body, content_type="application/json")
        assert answer.status_code == 200


def test_a_part_of_a_form_without_a_name_is_left_out(visitor: Visitor) -> None:
    answer = visitor.client.post(
        "/request-info",
        data=b"--x\r\nContent-Disposition: form-data\r\n\r\ntext\r\n--x--\r\n",
        content_type="multipart/form-data; boundary=x",
    )
    assert answer.get_json()["form"] == []


def test_a_great_many_values_are_cut(visitor: Visitor) -> None:
    answer = visitor.client.post(
        "/request-info", data={f"{number}" * 500: "x" for number in range(90)}
    )
    assert len(answer.get_json()["form"]) == 50
    assert len(answer.text) < 20_000


def test_no_answer_repeats_a_token(alice: Visitor) -> None:
    paths = ["/request-info", *(f"/building-blocks?try={name}" for name in BLOCKS)]
    assert not any(alice.token in alice.get(path).text for path in paths)


ANSWERS = {
    "user": ("200 OK", "<h1>&lt;script&gt;</h1>"),
    "download": (
        "Content-Disposition: attachment; filename=data.txt",
        "Content-Type: text/plain",
        "This is file content",
    ),
    "set-cookie": ("Set-Cookie: username=john_doe; ",),
    "custom-status": ("418 I'M A TEAPOT", "X-Custom-Header: Flask Example", "Custom error message"),
    "request-info": ('"form":[{"bytes":9,"name":"text"}]',),
}


def test_the_page_shows_the_answer_as_it_came(visitor: Visitor) -> None:
    for name, parts in ANSWERS.items():
        shown = answer_on_page(visitor, f"try={name}")
        assert [part for part in parts if part not in shown] == []
    assert visitor.cookie("username") is None  # it was the application that asked


@pytest.mark.parametrize("way", WAYS)
def test_the_page_sends_a_text_in_each_way(visitor: Visitor, way: str) -> None:
    shown = answer_on_page(visitor, f"try=request-info&send={way}&text={SECRET_TEXT}")
    size = len(f"{'X-Text' if way == 'headers' else 'text'}{SECRET_TEXT}")
    assert "200 OK" in shown
    assert SECRET_TEXT not in shown
    assert str(size) in shown or way == "json"


def test_what_cannot_be_tried_is_a_404(visitor: Visitor) -> None:
    asked = ("try=nothing", "try=request-info&send=smoke", "try=request-info&text=%0d%0aX:%201")
    for query in asked:
        assert visitor.get(f"/building-blocks?{query}").status_code == 404


def test_the_code_that_is_shown_is_the_code_that_runs(visitor: Visitor) -> None:
    page = unescape(visitor.get("/building-blocks").text)
    for view in (
        *(building_blocks.download, building_blocks.set_cookie, building_blocks.custom_status),
        *(public_pages.user, public_pages.request_info, dashboard.write),
    ):
        lines = inspect.getsource(view).strip().splitlines()
        assert all(line in page for line in lines if '"""' not in line)


def test_a_mounted_page_stays_on_its_mount(make_lab: MakeLab) -> None:
    visitor = Visitor(make_lab(None))
    page = visitor.get("/redis/building-blocks?try=download").text
    assert 'href="/redis/download"' in page
    assert "200 OK" in page
