"""A relay in front of a Redis server: it counts commands, hangs, or is not there."""

import socket
from collections import Counter
from contextlib import suppress
from threading import Event, Lock, Thread

CHUNK = 64 * 1024

SETTING_UP = frozenset({b"HELLO", b"AUTH", b"CLIENT", b"SELECT"})
"""What a client says once a connection, whatever it is asked."""


class Relay:
    """Listens on a free port of 127.0.0.1 and passes everything on to `target`.

    `target` is a host and a port, or the path of a socket.
    """

    def __init__(self, target: tuple[str, int] | str) -> None:
        self.target = target
        self.commands: Counter[str] = Counter()
        """What clients asked for, by the command's name."""
        self._flows = Event()
        self._flows.set()
        self._lock = Lock()
        self._open: set[socket.socket] = set()
        self._listener: socket.socket | None = None
        self.port = 0
        self.listen()

    def listen(self) -> None:
        """Take connections, on the port of before."""
        listener = socket.create_server(("127.0.0.1", self.port))
        self.port = listener.getsockname()[1]
        self._listener = listener
        Thread(target=self._accept, args=(listener,), daemon=True).start()

    def refuse(self) -> None:
        """Take no connections any more, and end those there are: the server is down."""
        listener, self._listener = self._listener, None
        if listener is not None:
            with suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)  # close() alone would not wake accept()
            listener.close()
        with self._lock:
            open_now, self._open = self._open, set()
        for connection in open_now:
            _end(connection)

    def hang(self) -> None:
        """Take connections and answer nothing."""
        self._flows.clear()

    def flow(self) -> None:
        self._flows.set()

    def close(self) -> None:
        self.refuse()
        self.flow()

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        try:
            server = self._connect()
        except OSError:
            _end(client)
            return
        with self._lock:
            self._open |= {client, server}
        if self._listener is None:  # refused meanwhile
            _end(client)
            _end(server)
        Thread(target=self._pass_on, args=(server, client, None), daemon=True).start()
        self._pass_on(client, server, CommandReader(self.commands))

    def _connect(self) -> socket.socket:
        if isinstance(self.target, str):
            connection = socket.socket(socket.AF_UNIX)
            connection.connect(self.target)
            return connection
        return socket.create_connection(self.target)

    def _pass_on(
        self, source: socket.socket, sink: socket.socket, reader: "CommandReader | None"
    ) -> None:
        with suppress(OSError):
            while data := source.recv(CHUNK):
                if reader is not None:
                    reader.read(data)
                self._flows.wait()
                sink.sendall(data)
        _end(source)
        _end(sink)
        with self._lock:
            self._open -= {source, sink}


class CommandReader:
    """Reads the commands in what one client sends (Redis serialization protocol: arrays)."""

    def __init__(self, commands: "Counter[str]") -> None:
        self._commands = commands
        self._unread = b""

    def read(self, data: bytes) -> None:
        self._unread += data
        while (command := _first_command(self._unread)) is not None:
            name, length = command
            self._unread = self._unread[length:]
            if name.upper() not in SETTING_UP:
                self._commands[name.decode("ascii", "replace").upper()] += 1


def _first_command(data: bytes) -> tuple[bytes, int] | None:
    """The first command's name and length in bytes; `None` where it is not whole yet."""
    head, found, _ = data.partition(b"\r\n")
    if not found:
        return None
    position, name = len(head) + 2, b""
    for number in range(int(head[1:])):  # *COUNT, then $LENGTH and the bytes for each part
        length_line, found, _ = data[position:].partition(b"\r\n")
        if not found:
            return None
        start = position + len(length_line) + 2
        position = start + int(length_line[1:]) + 2
        if position > len(data):
            return None
        if number == 0:
            name = data[start : position - 2]
    return name, position


def _end(connection: socket.socket) -> None:
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
    connection.close()
