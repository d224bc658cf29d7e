"""The servers that tests start."""

from pathlib import Path

from tests.support.services import RedisServer


def test_a_server_leaves_none_of_its_client_s_connections_open(tmp_path: Path) -> None:
    with RedisServer(tmp_path) as server:
        (held,) = server.client().connection_pool._available_connections
        assert held._sock is not None
    assert held._sock is None
