"""A relay in front of a Redis server: it counts commands, hangs, or is not there."""

import socket
from collections import Counter
from contextlib import suppress
from threading import Event, Lock, Thread

from app.lab.tally import Tally

CHUNK = 64 * 1024

SETTING_UP = frozenset({"HELLO", "AUTH", "CLIENT", "SELECT"})
"""What a client says once a connection, whatever it is asked."""

GARBAGE = "(garbage)"
"""What stands for bytes that are no command."""


class Relay:
    """Listens on a free port of 127.0.0.1 and passes everything on to `target`.

    `target` is a host and a port, or the path of a socket.
    """

    def __init__(self, target: tuple[str, int] | str) -> None:
        self.target = target
        self._tally = Tally()
        self._flows = Event()
        self._flows.set()
        self._lock = Lock()
        self._open: set[socket.socket] | None = None
        """The connections there are; `None` while none are taken."""
        self._socket = _bound(0)
        self.port: int = self._socket.getsockname()[1]
        self.listen()

    def commands(self) -> Counter[str]:
        """What clients asked for so far, by the commands' names."""
        return self._tally.so_far()

    def listen(self) -> None:
        """Take connections."""
        with self._lock:
            self._open = set()
        self._socket.listen()
        Thread(target=self._accept, args=(self._socket,), daemon=True).start()

    def refuse(self) -> None:
        """Take no connections any more, and end those there are: the server is down."""
        self._stop_listening()
        # Bound and not listening: connections are refused, and nobody else can take the port.
        self._socket = _bound(self.port)

    def hang(self) -> None:
        """Take connections and requests, and answer nothing."""
        self._flows.clear()

    def flow(self) -> None:
        """Answer again; what came meanwhile is passed on, as by a process that was frozen."""
        self._flows.set()

    def close(self) -> None:
        """End for good."""
        self._stop_listening()
        self.flow()

    def _stop_listening(self) -> None:
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)  # close() alone would not wake accept()
        self._socket.close()
        with self._lock:
            open_now, self._open = self._open or set(), None
        for connection in open_now:
            _end(connection)

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        try:
            server = _connected(self.target)
        except OSError:
            _end(client)
            return
        if not self._keep(client, server):
            return
        Thread(target=self._pass_on, args=(server, client, None), daemon=True).start()
        self._pass_on(client, server, CommandReader(self._tally))

    def _keep(self, client: socket.socket, server: socket.socket) -> bool:
        """Whether the two are still wanted; where not, they are ended."""
        with self._lock:
            if self._open is not None:
                self._open |= {client, server}
                return True
        _end(client)
        _end(server)
        return False

    def _pass_on(
        self, source: socket.socket, sink: socket.socket, reader: "CommandReader | None"
    ) -> None:
        with suppress(OSError):
            if sink.family != socket.AF_UNIX:  # a command in two pieces must not wait for an answer
                sink.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            while data := source.recv(CHUNK):
                if reader is not None:
                    reader.read(data)
                self._flows.wait()
                sink.sendall(data)
        _end(source)
        _end(sink)
        with self._lock:
            if self._open is not None:
                self._open -= {source, sink}


class CommandReader:
    """Reads the commands in what one client sends, in whatever pieces it comes.

    Redis serialization protocol: a command is an array of bulk strings, or a line of words.
    """

    def __init__(self, tally: Tally) -> None:
        self._tally = tally
        self._unread = b""

    def read(self, data: bytes) -> None:
        """Count the commands that are whole now. Bytes that are no command count as one."""
        self._unread += data
        position = 0
        try:
            while (command := _command_at(self._unread, position)) is not None:
                name, position = command
                self._note(name.decode("ascii", "replace").upper())
            self._unread = self._unread[position:]
        except ValueError:
            self._unread = b""
            self._note(GARBAGE)

    def _note(self, name: str) -> None:
        if name and name not in SETTING_UP:
            self._tally.note(name)


def _command_at(data: bytes, position: int) -> tuple[bytes, int] | None:
    """The name of the command that begins there, and where it ends; `None` where it is not whole.

    A blank line is a command without a name. Raises `ValueError` for what is none.
    """
    head = _line_at(data, position)
    if head is None:
        return None
    line, position = head
    if not line.startswith(b"*"):
        return (line.split() or [b""])[0], position
    name = b""
    for number in range(int(line[1:])):
        part = _bulk_at(data, position)
        if part is None:
            return None
        start, end = part
        position = end + 2
        if number == 0:
            name = data[start:end]
    return name, position


def _bulk_at(data: bytes, position: int) -> tuple[int, int] | None:
    """Where the bulk string that is announced there begins and ends."""
    head = _line_at(data, position)
    if head is None:
        return None
    line, start = head
    if not line.startswith(b"$"):
        raise ValueError("no bulk string")
    end = start + int(line[1:])
    return (start, end) if end + 2 <= len(data) else None


def _line_at(data: bytes, position: int) -> tuple[bytes, int] | None:
    """The line that begins there, without its end, and where the next one begins."""
    end = data.find(b"\r\n", position)
    return (data[position:end], end + 2) if end >= 0 else None


def _bound(port: int) -> socket.socket:
    """A socket that has a port of loopback, a free one for 0, and does not listen."""
    bound = socket.socket()
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    bound.bind(("127.0.0.1", port))
    return bound


def _connected(target: tuple[str, int] | str) -> socket.socket:
    if not isinstance(target, str):
        return socket.create_connection(target)
    connection = socket.socket(socket.AF_UNIX)
    try:
        connection.connect(target)
    except OSError:
        connection.close()
        raise
    return connection


def _end(connection: socket.socket) -> None:
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
    connection.close()
