"""Thirty thousand requests on each backend, every kind of attack among them.

At the end no answer was a 500, pages without a session answered throughout, and the server has the
memory, threads and descriptors that it had before.
"""

import http.client
import random
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlencode

import pytest

from app.server import THREADS
from backends import BUILT_IN
from backends.tokens.cookie_format import MAX_COOKIE_BYTES
from tests.app.web.test_cookie_text import made_up
from tests.soak.conftest import Say
from tests.support.services import PATIENCE, LabServer, RedisServer
from tests.support.visitor import PASSWORDS
from tests.system.chaos.trials import letters

ROUNDS = 3
"""The first warms up, the two after it are compared."""

REQUESTS = 10_000
"""In each round."""

CLIENTS = 4
HALF_REQUESTS = 100
REQUEST_SECONDS = 2

PROCESSES = 2
"""Gunicorn's first process and its worker."""

MAX_ANSWER_BYTES = 100_000
MAX_GROWTH = 1.05
MAX_GROWTH_BYTES = 8 * 1024 * 1024

PAGES = ("/", "/dashboard", "/inspect", "/articles", "/shop", "/preferences", "/sessions")
"""Pages that read the cookies which they are sent."""

PUBLIC = ("/healthz", "/articles", "/login")


class Attempt(NamedTuple):
    """One request. The header names may be any."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes = b""


Attack = Callable[[random.Random], Attempt]


def get(path: str, **headers: str) -> Attempt:
    return Attempt("GET", path, {name.replace("_", "-"): text for name, text in headers.items()})


def post(path: str, fields: Mapping[str, str], **headers: str) -> Attempt:
    body = urlencode(fields).encode()
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    return Attempt("POST", path, {**form, **get(path, **headers).headers}, body)


def send_inflating_cookie(chance: random.Random) -> Attempt:
    size = chance.choice((1_000, 130_000, 2_000_000))
    text = chance.choice(("[" * 300 + "0," * size, '{"a":' * size, '["' + "a" * size))
    cookie = made_up(text, compressed=True)
    return get(chance.choice(PAGES), Cookie=f"{_cookie_name(chance)}={cookie}")


def send_nested_cookie(chance: random.Random) -> Attempt:
    depth = chance.choice((40, 700, 1_400))
    cookie = made_up("[" * depth + "]" * depth)
    return get(chance.choice(PAGES), Cookie=f"{_cookie_name(chance)}={cookie}")


def send_many_cookies(chance: random.Random) -> Attempt:
    pairs = (f"c{number}={letters(chance, 20)}" for number in range(chance.choice((60, 300))))
    return get(chance.choice(PAGES), Cookie="; ".join(pairs))


def send_forged_token(chance: random.Random) -> Attempt:
    token = f"{letters(chance, 43)}.{letters(chance, 43)}"
    return get("/dashboard", Cookie=f"{_cookie_name(chance)}={token}")


def send_other_host(chance: random.Random) -> Attempt:
    return get(chance.choice(PAGES), Host=chance.choice(("evil.example", "localhost.evil", "[")))


def send_proxys_headers(chance: random.Random) -> Attempt:
    return get(
        chance.choice(("//evil.example/dashboard", "/dashboard")),
        X_Forwarded_Host="evil.example",
        X_Forwarded_Prefix="//evil.example",
        SCRIPT_NAME="//evil.example",
        X_Forwarded_For=chance.choice(("::1, ::2", "x" * 500, ",,,", "")),
    )


def guess_password(chance: random.Random) -> Attempt:
    name = chance.choice(("bob", "mallory", "x" * 5_000, "\0"))
    return post("/login", {"username": name, "password": "wrong"}, X_Forwarded_For=_ip(chance))


def send_from_other_site(chance: random.Random) -> Attempt:
    path = chance.choice(("/dashboard/note", "/logout", "/cart/add", "/lab/run", "/lab/stop"))
    return post(path, {"note": "planted"}, Origin="https://evil.example")


def ask_for_way_out(chance: random.Random) -> Attempt:
    target = chance.choice(("//evil.example", "https:evil.example", "/\\evil", "javascript:1"))
    return get(f"/login?{urlencode({'next': target})}")


def send_large_form(chance: random.Random) -> Attempt:
    fields = {f"f{number}": "x" for number in range(chance.choice((10, 2_000)))}
    return post("/preferences", fields | {"theme": "x" * chance.choice((10, 200_000))})


def send_odd_path(chance: random.Random) -> Attempt:
    odd = ("/static/../app/config.py", "/static/%2e%2e/%2e%2e/etc/passwd", "/user/%00", "/%ff")
    return get(
        chance.choice((*odd, f"/{letters(chance, 3_000)}", "/sessions?page=-1", "/lab/%0d%0a"))
    )


def send_odd_cookie(chance: random.Random) -> Attempt:
    text = "".join(map(chr, chance.choices([*range(32, 127), *range(160, 256)], k=200)))
    return get(chance.choice(PAGES), Cookie=text)


REFUSED = (send_other_host, guess_password, send_from_other_site, send_large_form)
"""Attacks that no page may answer as if nothing was wrong."""

ATTACKS: tuple[Attack, ...] = (
    *(*REFUSED, send_inflating_cookie, send_nested_cookie, send_many_cookies, send_forged_token),
    *(send_proxys_headers, ask_for_way_out, send_odd_path, send_odd_cookie),
)


def _cookie_name(chance: random.Random) -> str:
    names = ("session", "theme", "guest_cart", "other", *(f"session_{name}" for name in BUILT_IN))
    return chance.choice(names).replace("-", "_")


def _ip(chance: random.Random) -> str:
    return ".".join(str(chance.randrange(1, 255)) for _ in range(4))


@dataclass
class Client:
    """One connection after the other to the server, and what came back."""

    server: LabServer
    chance: random.Random
    statuses: Counter[tuple[str, int]] = field(default_factory=Counter)
    largest: int = 0
    cookies: dict[str, str] = field(default_factory=dict)
    """Of a person who uses the application as it is meant to be used."""

    def work(self, requests: int) -> None:
        for _ in range(requests):
            if self.chance.random() < 0.5:
                self._use()
            else:
                attack = self.chance.choice(ATTACKS)
                self._send(attack.__name__, attack(self.chance))

    def _use(self) -> None:
        """One step of somebody who logs in, looks around, stores something and logs out."""
        name = self.chance.choice(tuple(PASSWORDS))
        step = self.chance.choice((*PAGES, "note", "grow", "login", "logout"))
        address = {"X_Forwarded_For": _ip(self.chance), "Origin": self.server.url}
        if self.cookies:
            address["Cookie"] = "; ".join(f"{key}={text}" for key, text in self.cookies.items())
        attempt = {
            "login": post("/login", {"username": name, "password": PASSWORDS[name]}, **address),
            "logout": post("/logout", {}, **address),
            "note": post("/dashboard/note", {"note": letters(self.chance, 50)}, **address),
            "grow": post("/dashboard/grow", {}, **address),
        }.get(step) or get(step, **address)
        headers = self._send("use", attempt)
        for line in headers:
            pair = line.partition(";")[0]
            key, _, text = pair.partition("=")
            if "Max-Age=0" in line:
                self.cookies.pop(key, None)
            elif len(pair) <= MAX_COOKIE_BYTES:  # a browser drops a longer one
                self.cookies[key] = text

    def _send(self, kind: str, attempt: Attempt) -> list[str]:
        """Send it, count the answer and return its `Set-Cookie` headers."""
        server = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=PATIENCE)
        with closing(server) as connection:
            connection.putrequest(attempt.method, attempt.path, skip_host="Host" in attempt.headers)
            for name, text in attempt.headers.items():
                connection.putheader(name, text.encode("latin-1"))
            if attempt.method == "POST":
                connection.putheader("Content-Length", str(len(attempt.body)))
            connection.endheaders(attempt.body)
            response = connection.getresponse()
            self.largest = max(self.largest, len(response.read()))
        self.statuses[kind, response.status] += 1
        return response.headers.get_all("Set-Cookie") or []


@contextmanager
def meanwhile(act: Callable[[threading.Event], None]) -> Iterator[None]:
    """Call it again and again in a thread, with what is set at the end."""
    done = threading.Event()

    def act_again() -> None:
        while not done.is_set():
            act(done)

    with ThreadPoolExecutor(1) as pool:
        acted = pool.submit(act_again)
        yield
        done.set()
    acted.result()


def hold_half_requests(server: LabServer, done: threading.Event) -> None:
    """Keep connections open that never send the rest, until the server closes them."""
    with ExitStack() as stack:
        for _ in range(HALF_REQUESTS):
            client = socket.create_connection(("127.0.0.1", server.port), PATIENCE)
            stack.enter_context(client).sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n")
        done.wait(REQUEST_SECONDS)


def watch(server: LabServer, seconds: list[float], done: threading.Event) -> None:
    """Ask for public pages; each has to be there."""
    done.wait(0.1)
    client = Client(server, random.Random())
    for path in PUBLIC:
        begun = time.monotonic()
        client._send(path, get(path))
        seconds.append(time.monotonic() - begun)
    assert {status for _, status in client.statuses} == {200}


class Usage(NamedTuple):
    """What a server and its processes hold."""

    memory: int
    """Resident bytes."""
    threads: int
    descriptors: int


def measure(server: LabServer) -> Usage:
    assert server.process is not None
    first = server.process.pid
    children = Path(f"/proc/{first}/task/{first}/children").read_text().split()
    folders = [Path("/proc", str(pid)) for pid in (first, *children)]
    texts = [(folder / "status").read_text() for folder in folders]
    return Usage(
        sum(int(text.partition("VmRSS:")[2].split()[0]) * 1024 for text in texts),
        sum(int(text.partition("Threads:")[2].split()[0]) for text in texts),
        sum(len(list((folder / "fd").iterdir())) for folder in folders),
    )


def measure_at_rest(server: LabServer) -> Usage:
    """Once what was under way has ended, and kept connections are closed."""
    time.sleep(2 * REQUEST_SECONDS + 1)
    return measure(server)


@pytest.mark.parametrize("backend", BUILT_IN)
def test_attacks_among_requests_leave_nothing(
    backend: str, redis_server: RedisServer, tmp_path: Path, say: Say
) -> None:
    environment: dict[str, str] = {
        "SESSION_BACKEND": backend,
        "REDIS_URL": redis_server.url,
        "PROXY_COUNT": "1",
        "REQUEST_SECONDS": str(REQUEST_SECONDS),
        "SESSION_MAX_PER_USER": "100",
    }
    seconds: list[float] = []
    begun = time.monotonic()
    with LabServer(tmp_path, environment) as server:
        clients = [Client(server, random.Random(number)) for number in range(CLIENTS)]
        used: list[Usage] = []
        for _ in range(ROUNDS):
            half, looks = partial(hold_half_requests, server), partial(watch, server, seconds)
            with meanwhile(half), meanwhile(looks), ThreadPoolExecutor() as pool:
                for done in [pool.submit(client.work, REQUESTS // CLIENTS) for client in clients]:
                    done.result()
            used.append(measure_at_rest(server))
        errors = server.errors
    statuses: Counter[Any] = sum((client.statuses for client in clients), Counter())
    by_status = Counter(status for _, status in statuses.elements())
    say(
        f"{backend}: {by_status.total()} requests, attacks among them",
        statuses=dict(sorted(by_status.items())),
        largest=f"{max(client.largest for client in clients)} bytes",
        slowest_public_page=f"{max(seconds):.2f} s",
        memory=" → ".join(f"{each.memory / 2**20:.0f} MB" for each in used),
        threads=" → ".join(str(each.threads) for each in used),
        descriptors=" → ".join(str(each.descriptors) for each in used),
        seconds=round(time.monotonic() - begun),
    )
    assert not [kind for kind, status in statuses if status >= 500]
    assert "Traceback" not in errors
    refused = {attack.__name__ for attack in REFUSED}
    assert not [kind for kind, status in statuses if kind in refused and status < 400]
    assert min(statuses["use", 200], statuses["use", 302]) > REQUESTS / 20
    assert max(client.largest for client in clients) <= MAX_ANSWER_BYTES
    before, after = used[-2:]
    assert after.memory <= before.memory * MAX_GROWTH + MAX_GROWTH_BYTES
    # A thread, and its connection to Redis, is made when it is needed first.
    assert after.threads <= THREADS + PROCESSES
    assert after.descriptors <= before.descriptors + THREADS
