"""What sessions cost in other frameworks: Django's three engines, and starsessions on Starlette.

Each is measured over its own framework without a session, and compared with nothing: what a request
of Django costs is not what it costs in Flask.
"""

import asyncio
from collections.abc import Callable, Mapping
from functools import cache, partial
from typing import Any

import django
from django.conf import settings
from django.contrib.sessions.backends.file import SessionStore as DjangoFiles
from django.core.cache import caches
from django.core.handlers.wsgi import WSGIHandler
from django.http import HttpRequest, HttpResponse
from django.urls import path
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError, RedisError
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starsessions import CookieStore, SessionMiddleware, SessionStore, load_session
from starsessions.stores.redis import RedisStore

from app.lab.bench.candidate import (
    OPERATIONS,
    SECRET_KEY,
    Answer,
    Ask,
    Candidate,
    Shape,
    ask_wsgi,
    read_answer,
)
from app.lab.bench.place import Place

DJANGO, STARLETTE = "django-bare", "starlette-bare"
DJANGO_SESSIONS = "django.contrib.sessions"


def list_peers() -> dict[str, Candidate]:
    """The peers by name, after what their cost is compared with."""
    candidates = [
        Candidate(DJANGO, partial(_make_django, None), DJANGO, serves_http=False),
        _of_django("django-cookie", "signed_cookies"),
        _of_django("django-file", "file", in_files=True),
        _of_django("django-redis", "cache", on_redis=True),
        Candidate(STARLETTE, partial(_make_starlette, None), STARLETTE, serves_http=False),
        _of_starlette("starsessions-cookie", lambda _place: CookieStore(SECRET_KEY)),
        _of_starlette(
            "starsessions-redis",
            lambda place: RedisStore(connection=_redis_at(str(place.redis_url))),
            on_redis=True,
        ),
    ]
    return {candidate.name: candidate for candidate in candidates}


def _of_django(name: str, engine: str, **where: Any) -> Candidate:
    return Candidate(name, partial(_make_django, engine), DJANGO, serves_http=False, **where)


def _of_starlette(name: str, store: Callable[[Place], SessionStore], **where: Any) -> Candidate:
    return Candidate(name, partial(_make_starlette, store), STARLETTE, serves_http=False, **where)


def _act(session: Any, operation: str, data: Mapping[str, str]) -> str:
    """Do to a session what the views of Flask do to theirs."""
    match operation:
        case "read":
            return str(session.get("user", "nobody"))
        case "write":
            session["count"] = session.get("count", 0) + 1
            return str(session["count"])
        case "login":
            session.update({"user": "alice", **data})
            return "in"
        case _:
            session.clear()
            return "out"


class _Handler(WSGIHandler):  # type: ignore[misc]  # Django has no types
    """Django with data for its logins."""

    def __init__(self, data: Mapping[str, str]) -> None:
        super().__init__()
        self._data = data

    def get_response(self, request: HttpRequest) -> Any:
        request.bench_data = self._data
        return super().get_response(request)


def _view(operation: str, request: HttpRequest) -> HttpResponse:
    if operation == "untouched" or not hasattr(request, "session"):
        return HttpResponse("alice")
    if operation == "logout":
        request.session.flush()
        return HttpResponse("out")
    return HttpResponse(_act(request.session, operation, request.bench_data))


urlpatterns = [path(operation, partial(_view, operation)) for operation in OPERATIONS]


@cache
def _set_up_django() -> None:
    settings.configure(
        SECRET_KEY=SECRET_KEY,
        ROOT_URLCONF=__name__,
        ALLOWED_HOSTS=["localhost"],
        LOGGING_CONFIG=None,
        CACHES={"default": {"BACKEND": "django.core.cache.backends.redis.RedisCache"}},
    )
    django.setup()


def _make_django(engine: str | None, place: Place, shape: Shape) -> Ask:
    _set_up_django()
    settings.MIDDLEWARE = [f"{DJANGO_SESSIONS}.middleware.SessionMiddleware"] if engine else []
    settings.SESSION_ENGINE = f"{DJANGO_SESSIONS}.backends.{engine}"
    settings.SESSION_FILE_PATH = str(place.folder)
    if engine == "file" and hasattr(DjangoFiles, "_storage_path"):
        del DjangoFiles._storage_path  # it is looked up once a process
    if engine == "cache":
        caches.settings["default"]["LOCATION"] = place.redis_url
        if hasattr(caches._connections, "default"):
            del caches["default"]
    return ask_wsgi(_Handler(shape.make_data()))


@cache
def _redis_at(url: str) -> Any:
    # It may be asked after an outage, when its connections are broken.
    again = Retry(NoBackoff(), 1)
    return Redis.from_url(url, retry=again, retry_on_error=[ConnectionError])


@cache
def _loop() -> asyncio.AbstractEventLoop:
    return asyncio.new_event_loop()


def _make_starlette(
    store: Callable[[Place], SessionStore] | None, place: Place, shape: Shape
) -> Ask:
    data = shape.make_data()

    async def view(operation: str, request: Request) -> PlainTextResponse:
        if operation == "untouched" or store is None:
            return PlainTextResponse("alice")
        await load_session(request)
        return PlainTextResponse(_act(request.session, operation, data))

    routes = [Route(f"/{each}", partial(view, each)) for each in OPERATIONS]
    middleware = [Middleware(SessionMiddleware, store=store(place))] if store else []
    return _ask_asgi(Starlette(routes=routes, middleware=middleware))


def _ask_asgi(app: Any) -> Ask:
    """Asks an application of ASGI, each time until it has answered."""

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    def ask(operation: str, cookie: str | None) -> Answer:
        messages: list[dict[str, Any]] = []

        async def send(message: dict[str, Any]) -> None:
            messages.append(message)

        headers = [(b"host", b"localhost"), *([(b"cookie", cookie.encode())] if cookie else [])]
        scope = {
            "type": "http",
            "http_version": "1.1",
            "method": "GET",
            "scheme": "http",
            "path": f"/{operation}",
            "query_string": b"",
            "headers": headers,
        }
        try:
            _loop().run_until_complete(app(scope, receive, send))
        except RedisError:
            return Answer(500, "", None, 0)
        start, *rest = messages
        pairs = [(name.decode(), value.decode()) for name, value in start["headers"]]
        text = b"".join(message.get("body", b"") for message in rest).decode()
        return read_answer(start["status"], pairs, text)

    return ask
