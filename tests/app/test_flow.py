"""The application's flow over HTTP: what is promised of every backend, and of the pages."""

from urllib.parse import urlsplit

import pytest

from backends import BUILT_IN, Backend
from tests.conftest import PLACES
from tests.support.covers import HIDDEN, covers
from tests.support.services import left_to_it
from tests.support.visitor import Visitor


def test_a_visitor_without_a_login_is_sent_to_it_and_back(visitor: Visitor) -> None:
    location = visitor.get("/dashboard?tab=2").headers["Location"]
    assert location == "/login?next=/dashboard?tab%3D2"
    page = visitor.get(location)
    assert 'value="/dashboard?tab=2"' in page.text


REFUSED = (
    ("alice", "typed-in-error", 401),
    ("nobody", "wonderland", 401),
    ("", "wonderland", 400),
    ("alice", "", 400),
    ("a" * 1000, "b" * 10_000, 400),
    ("\0", "\0", 401),
    ("ä€😀", "ä€😀", 401),
)


def test_a_wrong_login_says_so_and_sets_no_cookie(visitor: Visitor) -> None:
    for name, password, status in REFUSED:
        response = visitor.log_in(name, password)
        assert response.status_code == status
        assert "Set-Cookie" not in response.headers
        assert "typed-in-error" not in response.text


@pytest.mark.parametrize(
    "placed", PLACES, indirect=True, ids=[f"{backend.name}-{kind}" for backend, kind in PLACES]
)
class TestOnEveryBackend:
    @pytest.fixture
    def writer(self, visitor: Visitor) -> Visitor:
        visitor.log_in()
        visitor.post("/dashboard/note", note="milk")
        return visitor

    @covers("SM-03", "SM-04", "14.3.3", "RF-27", limit=HIDDEN)
    def test_it_tells_what_the_browser_holds(self, writer: Visitor, backend: Backend) -> None:
        found = writer.get("/inspect").get_json()
        cookie = found["browser"][0]
        assert cookie["name"] == writer.cookie_name
        assert cookie["bytes"] == len(cookie["name"]) + len(writer.token)
        assert cookie["flags"] == ["HttpOnly", "SameSite=Lax", "Path=/"]
        readable = "alice" in (cookie["decoded"] or "") and "milk" in (cookie["decoded"] or "")
        assert readable is backend.readable

    def test_it_tells_what_the_server_holds(self, writer: Visitor, backend: Backend) -> None:
        found = writer.get("/inspect").get_json()["server"]
        if backend.state == "browser":
            assert found is None
            return
        if found is None and backend.name not in BUILT_IN:
            left_to_it("its store shows no records")
        assert "milk" in found["fields"]["notes"]
        assert found["fields"]["user"] == '"alice"'
        assert found["size"] > 50
        assert 0 < found["ttl"] <= 1800


def test_it_tells_the_bytes_of_the_last_ten_requests(visitor: Visitor) -> None:
    visitor.log_in()
    for _ in range(10):
        visitor.get("/dashboard")
    login_is_gone = visitor.get("/inspect").get_json()["traffic"]
    assert [(seen["method"], seen["path"]) for seen in login_is_gone] == [
        ("GET", "/dashboard")
    ] * 10
    assert all(seen["cookie_bytes"] > 80 for seen in login_is_gone)
    assert {seen["set_cookie_bytes"] for seen in login_is_gone} == {0}


def test_request_info_shows_the_request_without_cookie_values(visitor: Visitor) -> None:
    visitor.log_in()
    found = visitor.get("/request-info?x=1", headers={"User-Agent": "me"}).get_json()
    assert (found["method"], found["user_agent"]) == ("GET", "me")
    assert urlsplit(found["url"]).path == "/request-info"
    assert found["args"] == [{"name": "x", "bytes": 2}]
    assert found["remote_addr"] == "127.0.0.1"
    name = visitor.cookie_name
    assert found["cookies"] == [{"name": name, "bytes": len(name) + len(visitor.token)}]


def test_health_and_readiness_name_the_backend(visitor: Visitor, backend: Backend) -> None:
    for path in ("/healthz", "/readyz"):
        assert visitor.get(path).get_json()["backend"] == backend.name
