"""The last requests of each session: the token that travelled, and what the store was asked.

Kept in memory for the inspector. It is WSGI middleware, because the session's `Set-Cookie` is
written after Flask's last hook.
"""

from collections import OrderedDict, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from hashlib import sha256
from itertools import cycle
from string import ascii_uppercase
from threading import Lock
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from werkzeug.sansio.http import parse_cookie

from backends.tokens.cookie_format import MAX_COOKIE_BYTES

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

T = TypeVar("T")

MAX_REQUESTS_PER_SESSION = 10
MAX_SESSIONS = 1000
STATIC_PATHS = ("/static/", "/bootstrap/static/", "/favicon.ico")
IGNORED_PATHS = ("/column", "/inspect", "/lab", "/choose", *STATIC_PATHS)
"""Paths that only read, and static files: they would displace the requests of interest."""


def is_dropped(set_cookie: str) -> bool:
    """Whether a browser ignores this `Set-Cookie`, for its name and value are too large."""
    name, _, value = set_cookie.partition(";")[0].partition("=")
    return len(name) + len(value) > MAX_COOKIE_BYTES


class RecordedRequest(NamedTuple):
    """A request and its response; the bytes are those of the headers' values."""

    method: str
    path: str
    status: int
    cookie_bytes: int
    set_cookie_bytes: int
    sent: str | None
    """The letter of the token in its cookie: A is the session's first."""
    got: str | None
    """The letter of the token in its answer."""
    end: str | None
    """What its answer does to the browser's token: `deleted` or `dropped`."""
    asked: tuple[str, ...]
    """What the store was asked, in this order."""
    is_replay: bool
    """Whether it was sent with a copy of the token from before a logout."""


class _Seen:
    """The last requests of a session, and the letters of its last tokens."""

    def __init__(self) -> None:
        self.requests: deque[RecordedRequest] = deque(maxlen=MAX_REQUESTS_PER_SESSION)
        self._letters: OrderedDict[str, str] = OrderedDict()
        """By the token's hash. A session in a cookie is another token after each change."""
        self._unused = cycle(ascii_uppercase)

    def letter(self, token: str | None) -> str | None:
        """The letter of a token; after Z they begin again."""
        if token is None:
            return None
        hashed = _hash_token(token)
        if hashed not in self._letters:
            self._letters[hashed] = next(self._unused)
            if len(self._letters) > len(ascii_uppercase):
                self._letters.popitem(last=False)
        return self._letters[hashed]


_asked: ContextVar[list[str] | None] = ContextVar("asked", default=None)
_is_replay: ContextVar[bool] = ContextVar("is_replay", default=False)


def note_asked(what: str) -> None:
    """Note what the store is asked in the request under way."""
    asked = _asked.get()
    if asked is not None:
        asked.append(what)


@contextmanager
def _holding(variable: ContextVar[T], value: T) -> Iterator[None]:
    before = variable.set(value)
    try:
        yield
    finally:
        variable.reset(before)


def unnoticed() -> AbstractContextManager[None]:
    """Leave out what the store is asked in this block: the inspector's own look."""
    return _holding(_asked, None)


def replaying() -> AbstractContextManager[None]:
    """Mark the requests in this block as sent with a copied token."""
    return _holding(_is_replay, True)


class TrafficRecorder:
    """WSGI middleware around an application whose session cookie is `cookie_name`."""

    def __init__(self, wsgi_app: "WSGIApplication", cookie_name: str) -> None:
        self.wsgi_app = wsgi_app
        self.cookie_name = cookie_name
        self._sessions: OrderedDict[str, _Seen] = OrderedDict()
        self._lock = Lock()

    def __call__(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        asked: list[str] = []

        def remember(
            status: str, headers: list[tuple[str, str]], *error: Any
        ) -> Callable[..., Any]:
            if not environ.get("PATH_INFO", "").startswith(IGNORED_PATHS):
                self._remember(environ, status, headers, asked)
            return start_response(status, headers, *error)

        with _holding(_asked, asked):
            return self.wsgi_app(environ, remember)

    def of(self, token: str | None) -> list[RecordedRequest]:
        """The last requests of the session with this token, the newest first."""
        with self._lock:
            seen = self._sessions.get(_hash_token(token))
            return list(reversed(seen.requests)) if seen else []

    def _remember(
        self,
        environ: "WSGIEnvironment",
        status: str,
        headers: list[tuple[str, str]],
        asked: Sequence[str],
    ) -> None:
        sent = environ.get("HTTP_COOKIE", "")
        set_cookies = [value for name, value in headers if name.lower() == "set-cookie"]
        old = parse_cookie(sent).get(self.cookie_name)
        answers = [header for header in set_cookies if self._token_in(header) is not None]
        kept = [header for header in answers if not is_dropped(header)]
        new = next(filter(None, map(self._token_in, kept)), None)
        if not (new or old):
            return
        with self._lock:
            seen = self._sessions.pop(_hash_token(old), None) or _Seen()
            recorded = RecordedRequest(
                environ["REQUEST_METHOD"],
                environ.get("SCRIPT_NAME", "") + environ.get("PATH_INFO", ""),
                int(status.split()[0]),
                len(sent),
                sum(map(len, set_cookies)),
                seen.letter(old),
                seen.letter(new),
                _describe_end(answers, kept, new),
                tuple(asked),
                _is_replay.get(),
            )
            seen.requests.append(recorded)
            self._sessions[_hash_token(new or old)] = seen
            if len(self._sessions) > MAX_SESSIONS:
                self._sessions.popitem(last=False)

    def _token_in(self, set_cookie: str) -> str | None:
        return parse_cookie(set_cookie.partition(";")[0]).get(self.cookie_name)


def _describe_end(answers: list[str], kept: list[str], new: str | None) -> str | None:
    if len(answers) > len(kept):
        return "dropped"
    return "deleted" if answers and new is None else None


def _hash_token(token: str | None) -> str:
    return sha256((token or "").encode()).hexdigest()
