"""What sessions cost in other frameworks: Django's three engines, and starsessions on Starlette.

Each is measured over its own framework without a session, and compared with nothing: what a request
of Django costs is not what it costs in Flask.
"""

import asyncio
import atexit
from collections.abc import Callable, Mapping
from contextlib import ExitStack, closing, suppress
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
from redis.exceptions import RedisError
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starsessions import CookieStore, SessionMiddleware, SessionStore, load_session
from starsessions.stores.redis import RedisStore

from app.lab.bench.candidate import SECRET_KEY, Candidate, Shape, WsgiApp, act, make_data

DJANGO, STARLETTE = "django-bare", "starlette-bare"
DJANGO_SESSIONS = "django.contrib.sessions"

_open = ExitStack()
atexit.register(_open.close)  # asyncio warns of what is open when the interpreter ends


@cache
def _find_loop() -> asyncio.AbstractEventLoop:
    return _open.enter_context(closing(asyncio.new_event_loop()))


@cache
def _connect(url: str) -> Redis:
    loop, client = _find_loop(), Redis.from_url(url)
    _open.callback(lambda: loop.run_until_complete(client.aclose()))
    return client


def list_peers() -> dict[str, Candidate]:
    """The peers by name, after what their cost is compared with."""
    in_cookie = partial(_make_starlette, lambda _: CookieStore(SECRET_KEY))
    in_redis = partial(_make_starlette, lambda url: RedisStore(connection=_connect(url)))
    candidates = [
        Candidate(DJANGO, partial(_make_django, None), DJANGO),
        Candidate("django-cookie", partial(_make_django, "signed_cookies"), DJANGO),
        Candidate("django-file", partial(_make_django, "file"), DJANGO, in_files=True),
        Candidate("django-redis", partial(_make_django, "cache"), DJANGO, on_redis=True),
        Candidate(STARLETTE, partial(_make_starlette, None), STARLETTE),
        Candidate("starsessions-cookie", in_cookie, STARLETTE),
        Candidate("starsessions-redis", in_redis, STARLETTE, on_redis=True),
    ]
    return {candidate.name: candidate for candidate in candidates}


def _make_django(engine: str | None, shape: Shape, folder: str, redis_url: str | None) -> Any:
    """Django has one set of settings a process: what an application keeps of them is set first."""
    if not settings.configured:
        settings.configure(
            SECRET_KEY=SECRET_KEY,
            ALLOWED_HOSTS=["localhost"],
            LOGGING_CONFIG=None,
            CACHES={"default": {"BACKEND": "django.core.cache.backends.redis.RedisCache"}},
        )
        django.setup()
    view = partial(_answer_in_django, data=make_data(*shape))
    settings.ROOT_URLCONF = (path("<operation>", view),)  # Django caches what it finds by it
    settings.MIDDLEWARE = [f"{DJANGO_SESSIONS}.middleware.SessionMiddleware"] if engine else []
    settings.SESSION_ENGINE = f"{DJANGO_SESSIONS}.backends.{engine}"
    DjangoFiles._storage_path = folder  # where Django keeps the setting of a process
    caches.settings["default"]["LOCATION"] = redis_url  # for each thread that asks
    caches["default"] = caches.create_connection("default")
    return WSGIHandler()


def _answer_in_django(request: HttpRequest, operation: str, data: Mapping[str, str]) -> Any:
    has_session = hasattr(request, "session")
    return HttpResponse(act(operation, request.session, data) if has_session else "done")


def _make_starlette(
    make_store: Callable[[Any], SessionStore] | None,
    shape: Shape,
    _folder: str,
    redis_url: str | None,
) -> WsgiApp:
    data = make_data(*shape)

    async def view(request: Request) -> PlainTextResponse:
        operation = request.path_params["operation"]
        if not make_store or operation == "untouched":
            return PlainTextResponse("done")
        await load_session(request)
        return PlainTextResponse(act(operation, request.session, data))

    routes = [Route("/{operation}", view)]
    sessions = [Middleware(SessionMiddleware, store=make_store(redis_url))] if make_store else []
    return partial(_answer_by_asgi, Starlette(routes=routes, middleware=sessions))


def _answer_by_asgi(
    app: Any, environ: Mapping[str, Any], start_response: Callable[..., object]
) -> list[bytes]:
    """An application of ASGI as one of WSGI, which answers a request without a body."""
    messages: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request"}

    async def send(message: dict[str, Any]) -> None:
        messages.append(message)

    headers = [(b"host", b"localhost"), (b"cookie", environ.get("HTTP_COOKIE", "").encode())]
    scope = {"type": "http", "method": "GET", "path": environ["PATH_INFO"], "headers": headers}
    with suppress(RedisError):  # Starlette raises it again when it has answered
        _find_loop().run_until_complete(app({**scope, "query_string": b""}, receive, send))
    start, *parts = messages
    pairs = [(name.decode(), value.decode()) for name, value in start["headers"]]
    start_response(f"{start['status']} ", pairs)
    return [part.get("body", b"") for part in parts]
