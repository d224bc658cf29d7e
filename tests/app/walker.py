"""A visitor who follows every link and sends every form."""

from collections import deque
from collections.abc import Iterator
from io import BytesIO
from typing import NamedTuple
from urllib.parse import urljoin, urlsplit

from bs4 import BeautifulSoup, Tag
from werkzeug.test import TestResponse

from backends import BACKENDS
from tests.support.html import parse_page
from tests.support.visitor import PASSWORDS, Visitor

ORIGIN = "http://localhost"
MAX_REQUESTS = 2_000
"""Of one walk, which takes some hundreds: pages that send visitors in a circle are a fault."""

LEAVE = ("reset", "forget", "quantity", "delete", "end", "logout")
"""In the address of a form: it is sent after others, whose things it takes away, in this order."""

REFERENCES = ("for", "aria-labelledby", "aria-describedby")
"""Attributes that name other elements of the page."""


class Form(NamedTuple):
    """A form with one of its buttons, filled in."""

    page: str
    method: str
    address: str
    fields: tuple[tuple[str, str], ...]
    files: tuple[str, ...]

    @property
    def kind(self) -> tuple[str, ...]:
        """The same for two forms that differ only in what they carry."""
        return (urlsplit(self.address).path, self.method, *sorted(name for name, _ in self.fields))


class Walker:
    """Follows every link and sends every form of one mount, as a visitor who is logged in."""

    def __init__(self, visitor: Visitor, mount: str, name: str) -> None:
        self._visitor, self._mount, self._name = visitor, mount, name
        self._known: set[str] = set()
        self._sent: set[tuple[str, ...]] = set()
        self._forms: list[Form] = []
        self._requests = 0
        self.faults: list[str] = []

    def walk(self, start: str) -> None:
        """From that page on, until nothing is new."""
        self._log_in()  # first: a page that sends a guest to the login is not looked at again
        self._follow(start, "the start")
        while forms := self._take_new_forms():
            for form in forms:
                self._log_in()
                self._send(form)

    @property
    def pages(self) -> set[str]:
        """The paths that were looked at."""
        return {urlsplit(address).path for address in self._known}

    @property
    def sent(self) -> set[str]:
        """The paths that forms were sent to."""
        return {path for path, *_ in self._sent}

    def _take_new_forms(self) -> list[Form]:
        """Those that take away the least; the others wait until there are no more of them."""
        new = {form.kind: form for form in self._forms if form.kind not in self._sent}.values()
        least = min(map(_takes_away, new), default=0)
        self._forms = [form for form in new if _takes_away(form) > least]
        taken = [form for form in new if _takes_away(form) == least]
        self._sent.update(form.kind for form in taken)
        return taken

    def _follow(self, start: str, source: str) -> None:
        waiting = deque([(start, source)])
        while waiting:
            address, source = waiting.popleft()
            address = address.partition("#")[0]
            if address in self._known or not self._is_ours(address):
                continue
            self._known.add(address)
            self._requests += 1
            assert self._requests < MAX_REQUESTS, f"there is no end: {address}, from {source}"
            answer = self._visitor.get(address)
            self._judge(answer, "GET", address, source)
            waiting += [(each, address) for each in self._read(answer, address)]
            answer.close()

    def _is_ours(self, address: str) -> bool:
        """Whether it is in this mount, or in what all mounts share."""
        parts = urlsplit(address)
        others = {f"/{name}" for name in BACKENDS} - {self._mount}
        first = "/" + parts.path.strip("/").split("/")[0]
        return f"{parts.scheme}://{parts.netloc}" == ORIGIN and first not in others

    def _read(self, answer: TestResponse, address: str) -> Iterator[str]:
        if answer.location:
            target = urljoin(address, answer.location)
            self._known.discard(target.partition("#")[0])  # it may show something else now
            yield target
        page = _parse(answer)
        self.faults += [f"{address}: there is no #{each}" for each in _missing_in(page)]
        self._forms += list(_forms_of(page, address, self._name))
        for tag, attribute in (("a", "href"), ("link", "href"), ("script", "src"), ("img", "src")):
            for element in page.find_all(tag, attrs={attribute: True}):
                yield urljoin(address, str(element[attribute]))

    def _send(self, form: Form) -> None:
        if form.method == "get":
            query = "&".join(f"{name}={value}" for name, value in form.fields)
            self._follow(f"{form.address.partition('?')[0]}?{query}", form.page)
            return
        files = {name: (BytesIO(b"a few bytes"), "note.txt") for name in form.files}
        address = form.address
        answer = self._visitor.client.post(address, data={**dict(form.fields), **files})
        self._judge(answer, "POST", address, form.page)
        self._forms += list(_forms_of(_parse(answer), address, self._name))
        answer.close()
        if answer.location:
            shown = urljoin(address, answer.location)
            main = _parse(self._visitor.get(shown)).main
            links = main.find_all("a", href=True) if main else []
            # They may show something else now.
            self._look_again([shown, *(urljoin(shown, str(each["href"])) for each in links)])

    def _look_again(self, addresses: list[str]) -> None:
        """At those of this mount: what all mounts share shows every backend, and costs as much."""
        on_mount = [each for each in addresses if urlsplit(each).path.startswith(f"{self._mount}/")]
        self._known.difference_update([address.partition("#")[0] for address in on_mount])
        for address in addresses:
            self._follow(address, address)

    def _judge(self, answer: TestResponse, method: str, address: str, source: str) -> None:
        if answer.status_code in (404, 405) or answer.status_code >= 500:
            self.faults.append(f"{method} {address}, from {source}: {answer.status}")
        if answer.location and not self._is_ours(urljoin(address, answer.location)):
            self.faults.append(f"{method} {address} leads to {answer.location}")

    def _log_in(self) -> None:
        if self._visitor.get(f"{self._mount}/dashboard").status_code != 200:
            password = PASSWORDS[self._name]
            self._visitor.post(f"{self._mount}/login", username=self._name, password=password)


def _parse(answer: TestResponse) -> BeautifulSoup:
    return parse_page(answer.text if answer.mimetype == "text/html" else "")


def _missing_in(page: BeautifulSoup) -> set[str]:
    """The elements that others name and that are not on the page."""
    named = {
        name
        for attribute in REFERENCES
        for element in page.find_all(True, attrs={attribute: True})
        for name in str(element[attribute]).split()
    }
    return named - {str(element["id"]) for element in page.find_all(id=True)}


def _takes_away(form: Form) -> int:
    return max((LEAVE.index(word) + 1 for word in LEAVE if word in form.address), default=0)


def _forms_of(page: BeautifulSoup, address: str, name: str) -> Iterator[Form]:
    for form in page.find_all("form"):
        method = str(form.get("method", "get")).lower()
        action = str(form.get("action") or address)
        files = tuple(str(each["name"]) for each in form.find_all("input", type="file"))
        fields = tuple(_fields_of(form, name))
        for button in form.find_all("button") or [form]:
            pressed = ((str(button.get("name")), str(button.get("value", ""))),)
            target = urljoin(address, str(button.get("formaction") or action))
            yield Form(address, method, target, fields + pressed * button.has_attr("name"), files)


def _fields_of(form: Tag, name: str) -> Iterator[tuple[str, str]]:
    known = {"username": name, "password": PASSWORDS[name]}
    for field in form.find_all(["input", "select", "textarea"]):
        key, kind = str(field.get("name", "")), str(field.get("type", "text"))
        if not key or kind in ("file", "submit", "checkbox"):
            continue
        if field.name == "select":
            option = field.find("option")
            yield key, str(option.get("value", "")) if isinstance(option, Tag) else ""
        elif kind == "password":
            yield key, PASSWORDS[name]
        else:
            yield key, known.get(key) or str(field.get("value") or "1")
