"""Sessions on a real cluster: three masters, a replica of each, and masters that are lost."""

import logging
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any

import pytest
from redis.cluster import RedisCluster

from backends import BACKENDS, Backend, ConfigurationError, StoreUnavailable
from backends.timing import deadline
from tests.backends.contract import conftest
from tests.backends.contract import test_session as contract
from tests.support.redis_topologies import RedisClusterTrio, is_master, wait_for_replica
from tests.support.relay import Relay
from tests.support.services import RedisServer, until
from tests.system.chaos.failover import Browser, Crowd, check, silence, site, store_of, window

app, alice = conftest.app, conftest.alice


@pytest.fixture
def placed(redis_cluster: RedisClusterTrio) -> tuple[Backend, dict[str, Any]]:
    """The sessions of the contract rest on the cluster."""
    return BACKENDS["redis"], {"REDIS_URL": redis_cluster.url}


class TestRequestsThatOverlap(contract.TestRequestsThatOverlap):
    """The exact interleavings of the session contract, on the cluster."""


def test_a_ready_cluster_client_is_used_and_not_replaced(redis_cluster: RedisClusterTrio) -> None:
    with client_of(redis_cluster) as client:
        app = site(SESSION_REDIS=client)
        browser = Browser(app)
        browser.log_in("alice")
        assert store_of(app).client is client
        assert client.exists(browser.record) == 1


def test_a_ready_client_whose_answers_are_lost_does_nothing_twice(
    redis_cluster: RedisClusterTrio,
) -> None:
    master = redis_cluster.servers[0]
    with Relay(master.port) as relay, client_of(redis_cluster, {master.port: relay.port}) as client:
        store = store_of(site(SESSION_REDIS=client))
        ports = {
            client.get_node_from_key(store.prefix + key).port: key for key in store.probe_keys()
        }
        key = ports[relay.port]
        store.delete(key)  # the server knows the script
        relay.loses_answer_to = b"SET"
        store.create(key, {}, 60)
        assert relay.loses_answer_to == b""
        relay.loses_answer_to = b"EVALSHA"
        with pytest.raises(StoreUnavailable, match="the answer to a deletion was lost"):
            store.delete(key)
        assert store.load(key) is None


def test_a_slot_without_a_master_costs_its_sessions_only(redis_cluster: RedisClusterTrio) -> None:
    with client_of(redis_cluster) as client:
        store = store_of(site(SESSION_REDIS=client))
        del client.nodes_manager.slots_cache[client.keyslot("session:lost")]
        with pytest.raises(StoreUnavailable):
            store.load("lost")
        assert store.load("held") is None


def test_the_address_of_one_node_is_said_to_be_a_cluster_s(redis_cluster: RedisClusterTrio) -> None:
    port = redis_cluster.servers[0].port
    keys = store_of(site(REDIS_URL=redis_cluster.url)).probe_keys()
    for address in (f"redis://127.0.0.1:{port}/0", f"redis://127.0.0.1:{port}/0?protocol=2"):
        store = store_of(site(REDIS_URL=address))
        with pytest.raises(StoreUnavailable, match=r"one of a cluster: give redis\+cluster://"):
            list(map(store.load, keys))  # each is on another master


def test_closed_connections_to_masters_cost_no_request(
    redis_cluster: RedisClusterTrio, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deadline, "LIMIT_SECONDS", 60.0)  # nothing runs out of time
    store = store_of(site(REDIS_URL=redis_cluster.url))
    keys = store.probe_keys()
    for key in keys:
        store.create(key, {}, 60)
    for server in redis_cluster.servers:
        server.client().client_kill_filter(_type="normal", skipme=True)
    assert None not in [store.load(key) for key in keys]
    for server in redis_cluster.servers:
        server.client().client_kill_filter(_type="normal", skipme=True)
    assert [store.delete(key) for key in keys] == [True] * len(keys)


def test_a_single_server_is_told_from_a_cluster(redis_server: RedisServer) -> None:
    with pytest.raises(ConfigurationError, match="a single server is redis://host:port/db"):
        site(REDIS_URL=f"redis+cluster://127.0.0.1:{redis_server.port}")


class TestFailover:
    @pytest.fixture
    def cluster(self, redis_cluster: RedisClusterTrio) -> Iterator[RedisClusterTrio]:
        """The cluster, which a test may damage."""
        yield redis_cluster
        redis_cluster.heal()

    @pytest.fixture
    def crowd(self, cluster: RedisClusterTrio) -> Crowd:
        return Crowd(site(REDIS_URL=cluster.url))

    @pytest.mark.parametrize("how", ["killed", "handed over"])
    def test_sessions_survive_the_loss_of_the_only_known_node(
        self, cluster: RedisClusterTrio, crowd: Crowd, how: str
    ) -> None:
        master, replica = shard_of(cluster, crowd.members[0])
        crowd.visit(site(REDIS_URL=f"redis+cluster://127.0.0.1:{master.port}"))
        wait_for_replica(master, replica)
        with crowd.asking(lambda: is_master(replica)) as answers:
            if how == "killed":
                master.kill()
            else:
                replica.client().execute_command("CLUSTER FAILOVER")
        check(answers, f"cluster, a master {how}")

    def test_a_frozen_master_brings_no_ended_session_back(
        self, cluster: RedisClusterTrio, crowd: Crowd
    ) -> None:
        member = crowd.members[0]
        master, replica = shard_of(cluster, member)
        wait_for_replica(master, replica)
        with crowd.asking(lambda: is_master(replica)) as answers:
            master.freeze()
        check(answers, "cluster, a master frozen")
        copy = Browser(member.app, member.token)
        member.log_out()
        master.thaw()
        until(lambda: copy.read().status == 200 and not is_master(master))
        assert copy.read().status == 200

    def test_a_failed_master_costs_only_its_own_sessions(
        self, cluster: RedisClusterTrio, crowd: Crowd, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        master, _ = shard_of(cluster, crowd.members[0])
        shards = [(member, shard_of(cluster, member)[0]) for member in crowd.members]
        with client_of(cluster) as client:
            client.script_flush()
        master.freeze()
        assert crowd.members[0].read().status == 503
        monkeypatch.setattr(deadline, "LIMIT_SECONDS", 60.0)  # the others run out of no time
        elsewhere = [member for member, other in shards if other is not master]
        assert {member.read().status for member in elsewhere} == {200}
        assert {member.write("after").status for member in elsewhere} == {200}

    def test_a_silent_cluster_is_a_503_at_once_and_loses_nothing(
        self, cluster: RedisClusterTrio, crowd: Crowd, caplog: pytest.LogCaptureFixture
    ) -> None:
        with crowd.asking(lambda: True) as answers:
            silence(cluster, answers)
        check(answers, "cluster, all silent")
        errors = [record for record in caplog.records if record.levelno >= logging.ERROR]
        assert len(errors) <= window(answers) + 1


def client_of(
    cluster: RedisClusterTrio, relays: Mapping[int, int] = MappingProxyType({})
) -> "RedisCluster":
    """A ready client. `relays`: the ports that it takes for others."""
    return RedisCluster(
        host="127.0.0.1",
        port=cluster.servers[1].port,
        address_remap=lambda address: (address[0], relays.get(address[1], address[1])),
    )


def shard_of(cluster: RedisClusterTrio, browser: Browser) -> tuple[RedisServer, RedisServer]:
    """The master that holds the browser's session, and its replica."""
    with client_of(cluster) as client:
        return cluster.shard(client.get_node_from_key(browser.record).port)
