"""The bytes of `Cookie` and `Set-Cookie` in the last requests of each session.

Kept in memory for the inspector. It is WSGI middleware, because the session's `Set-Cookie` is
written after Flask's last hook.
"""

from collections import OrderedDict, deque
from collections.abc import Callable, Iterable
from hashlib import sha256
from threading import Lock
from typing import TYPE_CHECKING, Any, NamedTuple

from werkzeug.sansio.http import parse_cookie

from backends.cookie_format import MAX_COOKIE_BYTES

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

MAX_REQUESTS_PER_SESSION = 10
MAX_SESSIONS = 1000
IGNORED_PATHS = ("/column", "/inspect", "/lab", "/static/", "/bootstrap/static/")
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


class TrafficRecorder:
    """WSGI middleware around an application whose session cookie is `cookie_name`."""

    def __init__(self, wsgi_app: "WSGIApplication", cookie_name: str) -> None:
        self.wsgi_app = wsgi_app
        self.cookie_name = cookie_name
        self._sessions: OrderedDict[str, deque[RecordedRequest]] = OrderedDict()
        self._lock = Lock()

    def __call__(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        def remember(
            status: str, headers: list[tuple[str, str]], *error: Any
        ) -> Callable[..., Any]:
            if not environ.get("PATH_INFO", "").startswith(IGNORED_PATHS):
                self._remember(environ, status, headers)
            return start_response(status, headers, *error)

        return self.wsgi_app(environ, remember)

    def of(self, token: str | None) -> list[RecordedRequest]:
        """The last requests of the session with this token, the newest first."""
        with self._lock:
            return list(reversed(self._sessions.get(_hash_token(token), ())))

    def _remember(
        self, environ: "WSGIEnvironment", status: str, headers: list[tuple[str, str]]
    ) -> None:
        sent = environ.get("HTTP_COOKIE", "")
        set_cookies = [value for name, value in headers if name.lower() == "set-cookie"]
        recorded = RecordedRequest(
            environ["REQUEST_METHOD"],
            environ.get("SCRIPT_NAME", "") + environ.get("PATH_INFO", ""),
            int(status.split()[0]),
            len(sent),
            sum(map(len, set_cookies)),
        )
        old = parse_cookie(sent).get(self.cookie_name)
        kept = (header for header in set_cookies if not is_dropped(header))
        new = next(filter(None, map(self._token_in, kept)), old)
        if new:
            self._append(_hash_token(old), _hash_token(new), recorded)

    def _token_in(self, set_cookie: str) -> str | None:
        return parse_cookie(set_cookie.partition(";")[0]).get(self.cookie_name)

    def _append(self, old: str, new: str, recorded: RecordedRequest) -> None:
        with self._lock:
            seen = self._sessions.pop(old, None) or deque(maxlen=MAX_REQUESTS_PER_SESSION)
            seen.append(recorded)
            self._sessions[new] = seen
            if len(self._sessions) > MAX_SESSIONS:
                self._sessions.popitem(last=False)


def _hash_token(token: str | None) -> str:
    return sha256((token or "").encode()).hexdigest()
