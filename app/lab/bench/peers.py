"""What sessions cost in other frameworks: Django's three engines, and starsessions on Starlette.

Each is measured over its own framework without a session, and compared with nothing: what a request
of Django costs is not what it costs in Flask.
"""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
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
    act,
    ask_wsgi,
    read_answer,
)
from app.lab.bench.place import Place

DJANGO, STARLETTE = "django-bare", "starlette-bare"
DJANGO_SESSIONS = "django.contrib.sessions"


def list_peers() -> dict[str, Candidate]:
    """The peers by name, after what their cost is compared with."""
    candidates = [
        Candidate(DJANGO, partial(_make_django, None), DJANGO),
        Candidate("django-cookie", partial(_make_django, "signed_cookies"), DJANGO),
        Candidate("django-file", partial(_make_django, "file"), DJANGO, in_files=True),
        Candidate("django-redis", partial(_make_django, "cache"), DJANGO, on_redis=True),
        Candidate(STARLETTE, partial(_make_starlette, None), STARLETTE),
        Candidate("starsessions-cookie", partial(_make_starlette, _cookie_store), STARLETTE),
        Candidate(
            "starsessions-redis", partial(_make_starlette, _redis_store), STARLETTE, on_redis=True
        ),
    ]
    return {candidate.name: candidate for candidate in candidates}


@cache
def _set_up_django() -> None:
    settings.configure(
        SECRET_KEY=SECRET_KEY,
        ALLOWED_HOSTS=["localhost"],
        LOGGING_CONFIG=None,
        CACHES={"default": {"BACKEND": "django.core.cache.backends.redis.RedisCache"}},
    )
    django.setup()


def _make_django(engine: str | None, place: Place, shape: Shape) -> Ask:
    """Django has one set of settings a process: what an application keeps of them is set first."""
    _set_up_django()
    data = shape.make_data()
    settings.ROOT_URLCONF = tuple(  # a tuple, because Django caches what it finds by it
        path(each, partial(_answer_in_django, each, data)) for each in OPERATIONS
    )
    settings.MIDDLEWARE = [f"{DJANGO_SESSIONS}.middleware.SessionMiddleware"] if engine else []
    settings.SESSION_ENGINE = f"{DJANGO_SESSIONS}.backends.{engine}"
    settings.SESSION_FILE_PATH = str(place.folder)
    with suppress(AttributeError):
        del DjangoFiles._storage_path  # it is looked up once a process
    caches.settings["default"]["LOCATION"] = place.redis_url
    with suppress(AttributeError):
        del caches["default"]
    return ask_wsgi(WSGIHandler())


def _answer_in_django(operation: str, data: Mapping[str, str], request: HttpRequest) -> Any:
    return HttpResponse(act(operation, getattr(request, "session", None), data))


def _cookie_store(_place: Place) -> SessionStore:
    return CookieStore(SECRET_KEY)


def _redis_store(place: Place) -> SessionStore:
    return RedisStore(connection=_redis_at(str(place.redis_url)))


@cache
def _redis_at(url: str) -> Any:
    # It may be asked after an outage, when its connections are broken.
    again = Retry(NoBackoff(), 1)
    return Redis.from_url(url, retry=again, retry_on_error=[ConnectionError])


def _make_starlette(
    make_store: Callable[[Place], SessionStore] | None, place: Place, shape: Shape
) -> Ask:
    data = shape.make_data()

    async def view(operation: str, request: Request) -> PlainTextResponse:
        session = None
        if make_store and operation != "untouched":
            await load_session(request)
            session = request.session
        return PlainTextResponse(act(operation, session, data))

    routes = [Route(f"/{each}", partial(view, each)) for each in OPERATIONS]
    sessions = [Middleware(SessionMiddleware, store=make_store(place))] if make_store else []
    return _ask_asgi(Starlette(routes=routes, middleware=sessions))


@cache
def _loop() -> asyncio.AbstractEventLoop:
    return asyncio.new_event_loop()


def _ask_asgi(app: Any) -> Ask:
    """Asks an application of ASGI, each time until it has answered."""
    get = {"type": "http", "http_version": "1.1", "method": "GET", "scheme": "http"}
    host = (b"host", b"localhost")

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    def ask(operation: str, cookie: str | None) -> Answer:
        messages: list[dict[str, Any]] = []

        async def send(message: dict[str, Any]) -> None:
            messages.append(message)

        headers = [host, (b"cookie", cookie.encode())] if cookie else [host]
        scope = {**get, "path": f"/{operation}", "query_string": b"", "headers": headers}
        try:
            _loop().run_until_complete(app(scope, receive, send))
        except RedisError:
            return Answer(500, "", None, 0)
        start, *rest = messages
        pairs = [(name.decode(), value.decode()) for name, value in start["headers"]]
        text = b"".join(message.get("body", b"") for message in rest).decode()
        return read_answer(start["status"], pairs, text)

    return ask
