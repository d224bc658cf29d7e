"""A relay in front of a server, which can fail as networks do."""

import socket
from contextlib import suppress
from threading import Event, Thread
from typing import Self

DRIP_SECONDS = 0.02
"""Between two bytes of an answer that drips."""


class Relay:
    """Passes bytes between clients and the server on `target`, a port of 127.0.0.1."""

    def __init__(self, target: int) -> None:
        self.target = target
        """New connections lead there; those that there are stay where they are."""
        self.accepted = 0
        self.is_dripping = False
        """Whether answers come byte by byte, and never end."""
        self.delay = 0.0
        """Seconds before each part of an answer."""
        self.loses_answer_to = b""
        """A part of a command: the connection breaks after the server has answered it, once."""
        self._swallowed = Event()
        self._ended = Event()
        self._sockets: list[socket.socket] = []
        self._threads: list[Thread] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def __enter__(self) -> Self:
        self._run(self._accept)
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        for connected in self._sockets:
            with suppress(OSError):
                connected.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()
        for connected in (self._listener, *self._sockets):
            connected.close()

    def swallow(self) -> None:
        """Lose what the connections carry from now on, as a firewall that forgot them."""
        self._swallowed.set()
        self._swallowed = Event()

    def _run(self, *call: object) -> None:
        thread = Thread(target=call[0], args=call[1:])  # type: ignore[arg-type]  # a callable
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while not self._ended.is_set():
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            self.accepted += 1
            server = socket.create_connection(("127.0.0.1", self.target))
            self._sockets += [client, server]
            if self._ended.is_set():
                return
            breaks = Event()
            self._run(self._pass, client, server, self._swallowed, breaks)
            self._run(self._answer, server, client, self._swallowed, breaks)

    def _pass(
        self, client: socket.socket, server: socket.socket, swallowed: Event, breaks: Event
    ) -> None:
        with suppress(OSError):
            while data := client.recv(65536):
                if self.loses_answer_to and self.loses_answer_to in data:
                    self.loses_answer_to = b""
                    breaks.set()
                if not swallowed.is_set():
                    server.sendall(data)
            server.shutdown(socket.SHUT_RDWR)

    def _answer(
        self, server: socket.socket, client: socket.socket, swallowed: Event, breaks: Event
    ) -> None:
        with suppress(OSError):
            while (data := server.recv(65536)) and not breaks.is_set():
                self._ended.wait(self.delay)
                if self.is_dripping:
                    self._drip(client)
                if not swallowed.is_set():
                    client.sendall(data)
            if not swallowed.is_set():
                client.shutdown(socket.SHUT_RDWR)

    def _drip(self, client: socket.socket) -> None:
        """Send a text without an end. Raises `OSError` when the client has gone."""
        client.sendall(b"+")
        while not self._ended.wait(DRIP_SECONDS):
            client.sendall(b".")
