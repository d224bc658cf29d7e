"""Applications of tests, served by this process or in a process of their own."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, ClassVar

from flask import Flask

from app.lab.browser.client import Browser, MakeBrowser
from app.lab.subject.external import ExternalApp
from app.lab.subject.external_site import ExternalSite
from app.lab.subject.server import ApplicationServer


@dataclass(frozen=True)
class ServedApp(ExternalApp):
    """An application that this process serves: it is started once."""

    code: str = ""
    servers: ClassVar[dict[str, ApplicationServer]] = {}

    @contextmanager
    def start(self, make_browser: MakeBrowser = Browser) -> Iterator[ExternalSite]:
        if self.code not in self.servers:
            self.servers[self.code] = ApplicationServer(load_app(self.code), 0)
        url = self.servers[self.code].url
        yield ExternalSite(url, self.cookie_name, self.paths, make_browser, self._launch)

    def _launch(self) -> None:
        server = self.servers[self.code]
        server.stop()
        self.servers[self.code] = ApplicationServer(load_app(self.code), server.port)


def load_app(code: str) -> Flask:
    """The application that this code makes, by its function if it has one."""
    module: dict[str, Any] = {"__name__": "served"}
    exec(code, module)  # noqa: S102 - the code is that of the tests
    found = module["create_app"]() if "create_app" in module else module["app"]
    assert isinstance(found, Flask)
    return found
