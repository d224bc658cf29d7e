"""The relay in front of a Redis: passes everything on, counts commands, hangs, and is not there."""

import socket
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from threading import Thread

import pytest

from app.lab.relay import GARBAGE, CommandReader, Relay
from app.lab.tally import Tally

GET = b"*2\r\n$3\r\nGET\r\n$1\r\na\r\n"
SET = b"*3\r\n$3\r\nset\r\n$1\r\na\r\n$6\r\n\r\n*1\r\n\r\n"


class Echo:
    """A server that sends back what it gets, a connection at a time or several."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address: tuple[str, int] = self._listener.getsockname()
        Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                Thread(target=self._echo, args=(connection,), daemon=True).start()

    def _echo(self, connection: socket.socket) -> None:
        with connection, suppress(OSError):
            while data := connection.recv(65536):
                connection.sendall(data)

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()


@pytest.fixture
def echo() -> Iterator[Echo]:
    server = Echo()
    yield server
    server.close()


@pytest.fixture
def relay(echo: Echo) -> Iterator[Relay]:
    relay = Relay(echo.address)
    yield relay
    relay.close()


def connected(relay: Relay) -> socket.socket:
    return socket.create_connection(("127.0.0.1", relay.port), timeout=5)


def said_back(connection: socket.socket, data: bytes) -> bytes:
    connection.sendall(data)
    answer = b""
    while len(answer) < len(data) and (more := connection.recv(65536)):
        answer += more
    return answer


def commands_in(*pieces: bytes) -> Counter[str]:
    tally = Tally()
    reader = CommandReader(tally)
    for piece in pieces:
        reader.read(piece)
    return tally.so_far()


class TestReading:
    def test_a_command_is_counted_by_its_name_in_capitals(self) -> None:
        assert commands_in(GET, SET) == {"GET": 1, "SET": 1}

    def test_a_pipeline_counts_each_of_its_commands(self) -> None:
        assert commands_in(GET * 3 + SET * 2) == {"GET": 3, "SET": 2}

    def test_a_value_that_looks_like_a_command_is_a_value(self) -> None:
        assert commands_in(SET) == {"SET": 1}

    @pytest.mark.parametrize("size", [1, 2, 3, 7])
    def test_a_stream_in_pieces_counts_as_the_same_stream_whole(self, size: int) -> None:
        stream = SET + GET + b"PING\r\n" + SET
        pieces = [stream[start : start + size] for start in range(0, len(stream), size)]
        assert commands_in(*pieces) == {"SET": 2, "GET": 1, "PING": 1}

    def test_half_a_command_counts_when_the_rest_comes(self) -> None:
        assert commands_in(SET[:-3]) == {}
        assert commands_in(SET[:-3], SET[-3:]) == {"SET": 1}

    def test_setting_up_a_connection_is_not_what_a_request_costs(self) -> None:
        assert commands_in(b"*2\r\n$5\r\nHELLO\r\n$1\r\n3\r\n", b"select 1\r\n", GET) == {"GET": 1}

    def test_a_line_of_words_is_a_command_and_a_blank_one_is_none(self) -> None:
        assert commands_in(b"\r\nget a\r\n\r\n*0\r\n*-1\r\n") == {"GET": 1}

    @pytest.mark.parametrize(
        "garbage", [b"*x\r\n", b"*1\r\nGET\r\n", b"*1\r\n$x\r\n", b"*2\r\n$3\r\nGET\r\n:1\r\n"]
    )
    def test_garbage_counts_once_and_what_follows_is_read(self, garbage: bytes) -> None:
        assert commands_in(garbage, GET) == {GARBAGE: 1, "GET": 1}


class TestPassingOn:
    def test_both_sides_get_every_byte(self, relay: Relay) -> None:
        with connected(relay) as client:
            everything = bytes(range(256)) * 4096
            assert said_back(client, everything) == everything

    def test_commands_of_all_connections_are_counted_before_they_are_answered(
        self, relay: Relay
    ) -> None:
        with connected(relay) as one, connected(relay) as other:
            said_back(one, GET)
            said_back(other, GET + SET)
            assert relay.commands() == {"GET": 2, "SET": 1}

    def test_garbage_reaches_the_server_too(self, relay: Relay) -> None:
        with connected(relay) as client:
            assert said_back(client, b"*x\r\n") == b"*x\r\n"

    def test_a_server_that_is_not_there_ends_the_connection(self, relay: Relay) -> None:
        relay.target = ("127.0.0.1", 1)
        with connected(relay) as client:
            assert client.recv(1) == b""

    def test_an_end_on_one_side_is_one_on_the_other(self, relay: Relay, echo: Echo) -> None:
        with connected(relay) as client:
            said_back(client, GET)
            client.shutdown(socket.SHUT_WR)
            assert client.recv(1) == b""


class TestRefusing:
    def test_ends_what_is_connected_and_takes_nobody(self, relay: Relay) -> None:
        with connected(relay) as client:
            said_back(client, GET)
            relay.refuse()
            with suppress(ConnectionResetError):
                assert client.recv(1) == b""
        with pytest.raises(ConnectionRefusedError):
            connected(relay)

    def test_keeps_its_port_while_it_refuses(self, relay: Relay) -> None:
        relay.refuse()
        with socket.socket() as other, pytest.raises(OSError, match="in use"):
            other.bind(("127.0.0.1", relay.port))

    def test_takes_connections_again_on_the_port_of_before(self, relay: Relay) -> None:
        port = relay.port
        for _ in range(3):
            relay.refuse()
            relay.listen()
            with connected(relay) as client:
                assert said_back(client, GET) == GET
        assert relay.port == port

    def test_a_closed_relay_has_given_its_port_back(self, echo: Echo) -> None:
        relay = Relay(echo.address)
        relay.close()
        with socket.socket() as other:
            other.bind(("127.0.0.1", relay.port))


class TestHanging:
    def test_takes_connections_and_requests_and_answers_when_it_flows_again(
        self, relay: Relay
    ) -> None:
        relay.hang()
        with connected(relay) as client:
            client.sendall(GET)
            client.settimeout(0.1)
            with pytest.raises(TimeoutError):
                client.recv(1)
            relay.flow()
            client.settimeout(5)
            assert client.recv(1) == GET[:1]

    def test_an_answer_under_way_is_held_back_too(self, relay: Relay) -> None:
        with connected(relay) as client:
            said_back(client, GET)
            relay.hang()
            client.sendall(GET)
            client.settimeout(0.1)
            with pytest.raises(TimeoutError):
                client.recv(1)

    def test_can_be_closed_while_it_hangs(self, relay: Relay) -> None:
        with connected(relay) as client:
            said_back(client, GET)
            relay.hang()
            client.sendall(GET)
            relay.close()
            with suppress(ConnectionResetError):
                assert client.recv(1) == b""
