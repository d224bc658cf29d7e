"""The forms of a page, as far as a program that fills them in needs them."""

from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import urljoin, urlsplit


@dataclass
class Form:
    """One form: the path that it posts to, and its named inputs."""

    path: str
    hidden: dict[str, str] = field(default_factory=dict)
    """What the page filled in itself, such as a token against cross-site requests."""
    visible: list[str] = field(default_factory=list)


def form_to(path: str, page: str, address: str) -> Form:
    """The form on the page at `address` that posts to `path` of its site; else an empty one."""
    parser = _Forms(address)
    parser.feed(page)
    parser.close()
    return next((form for form in parser.forms if form.path == path), Form(path))


class _Forms(HTMLParser):
    def __init__(self, address: str) -> None:
        super().__init__()
        self.address = address
        self.forms: list[Form] = []
        self._open: Form | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            target = urlsplit(urljoin(self.address, given.get("action", "")))
            self._open = Form(target.path)
            own = target.netloc == urlsplit(self.address).netloc
            if own and given.get("method", "get").lower() == "post":
                self.forms.append(self._open)
        elif tag == "input" and self._open is not None and given.get("name"):
            if given.get("type", "text").lower() == "hidden":
                self._open.hidden[given["name"]] = given.get("value", "")
            else:
                self._open.visible.append(given["name"])

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._open = None
