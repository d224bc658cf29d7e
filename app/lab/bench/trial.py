"""A candidate on trial: asked without a network, in a place of its own."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from werkzeug.test import create_environ, run_wsgi_app

from app.lab.bench.candidate import Candidate, Shape, WsgiApp
from app.lab.bench.results import LeftOut
from app.lab.browser.cookie_jar import MAX_COOKIE_BYTES
from app.lab.stores.redis import RealRedisHarness

NO_REDIS = "no redis-server is here: apt-get install redis-server"

CONVERSATION = (
    ("login", "done"),
    ("write", "1"),
    ("write", "2"),
    ("read", "alice"),
    ("logout", "done"),
    ("read", "nobody"),
)
"""What is asked with one session, and what is answered where it is kept."""


class Answer(NamedTuple):
    """The page, or the status of an error, and the cookie as the next request sends it."""

    text: str
    cookie: str | None
    cookie_bytes: int
    """Of the `Cookie` that was sent."""
    set_cookie_bytes: int


class Client:
    """Asks an application, with the cookie of a session that was just begun."""

    def __init__(self, app: WsgiApp) -> None:
        self._app, self._environ = app, create_environ()
        self.cookie = self.ask("login", None).cookie

    def ask(self, operation: str, cookie: str | None) -> Answer:
        """The answer to a request with this `Cookie`."""
        sent = {} if cookie is None else {"HTTP_COOKIE": cookie}
        request = {**self._environ, "PATH_INFO": f"/{operation}", **sent}
        body, status, headers = run_wsgi_app(self._app, request, buffered=True)
        text = b"".join(body).decode() if status.startswith("200") else status
        set_cookies = headers.getlist("Set-Cookie")
        pair = set_cookies[-1].partition(";")[0] if set_cookies else None
        return Answer(text, pair, len(cookie or ""), sum(map(len, set_cookies)))

    def prepare(self, operation: str) -> Callable[[], Answer]:
        """A request that is sent when it is called: each logout is one of another session."""
        cookie = None if operation == "login" else self.cookie
        if operation == "logout":
            cookie = self.ask("login", None).cookie
        return partial(self.ask, operation, cookie)


class Trial(NamedTuple):
    """A candidate with data of one shape, and where its sessions are: no other is there."""

    candidate: Candidate
    shape: Shape
    folder: Path
    redis: RealRedisHarness | None
    """For a candidate that needs it."""

    @property
    def redis_url(self) -> str | None:
        return self.redis.socket_url if self.redis else None

    def start(self) -> Client:
        """A client of a new application, which is logged in."""
        return Client(self.candidate.make(self.shape, str(self.folder), self.redis_url))


@contextmanager
def make_trials(
    candidates: Iterable[Candidate], shape: Shape, below: Path, redis: RealRedisHarness | None
) -> Iterator[list[Trial]]:
    """Trials without any session: a folder each, and one Redis."""
    if redis:
        redis.client.flushdb()
    with TemporaryDirectory(prefix="session-lab-", dir=below) as root:
        trials = [
            Trial(each, shape, Path(root, each.name), redis if each.on_redis else None)
            for each in candidates
        ]
        for trial in trials:
            trial.folder.mkdir()
        yield trials


def check_session(trial: Trial) -> Iterator[LeftOut]:
    """Why it is not compared, if it keeps no session: what forgets is fast for nothing."""
    if fault := _find_fault(trial):
        yield LeftOut(trial.candidate.name, *trial.shape, fault)


def _find_fault(trial: Trial) -> str | None:
    if trial.candidate.on_redis and not trial.redis:
        return NO_REDIS
    client, cookie = trial.start(), None
    for operation, expected in CONVERSATION:
        answer = client.ask(operation, cookie)
        cookie = answer.cookie or cookie
        if answer.text != expected:
            return f"its {operation} was answered {answer.text!r}, not {expected!r}"
        if measure_cookie(cookie) is None:
            return "no browser keeps its cookie"
    return None


def measure_cookie(cookie: str | None) -> int | None:
    """The bytes that a browser sends; `None` if it keeps none."""
    # It counts the name and the value, without the sign between.
    return len(cookie) if cookie and len(cookie) <= MAX_COOKIE_BYTES + 1 else None
