"""Redis on several servers, for the tests: a cluster and a Sentinel trio, all on loopback."""

import secrets
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

from tests.support.services import RedisServer, free_ports, until

SLOTS = 16384
NOTICE = 1000
"""Milliseconds of silence after which the others call a server dead; operators take 5 to 30 s."""
PATIENCE_AT_START = 5 * NOTICE
"""The same until all agree. On a busy machine a server is silent for a second now and again: the
elections after each such silence once kept a cluster from being whole for a minute."""


class Topology:
    """Servers that know each other from their files, agree, and end together by their ids."""

    servers: Sequence[RedisServer]

    @property
    def url(self) -> str:
        """What `REDIS_URL` takes."""
        raise NotImplementedError

    def __enter__(self) -> Self:
        try:
            self.heal()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def heal(self) -> None:
        """Start what does not run, thaw what is frozen, and wait until they agree."""
        self.thaw()
        self._start()
        self._agree()
        self._take_notice()

    def stop(self) -> None:
        for server in self.servers:
            server.kill()  # a master that is asked to end waits for its replicas

    def freeze(self) -> None:
        for server in self.servers:
            server.freeze()

    def thaw(self) -> None:
        for server in self.servers:
            if server.process is not None:
                server.thaw()

    def _start(self) -> None:
        for server in self.servers:
            if server.process is None:
                server.start()

    def _agree(self) -> None:
        """Wait until each of them says that all are there."""
        raise NotImplementedError

    def _take_notice(self) -> None:
        """From now on the silent are called dead after `NOTICE`."""
        raise NotImplementedError


class RedisClusterTrio(Topology):
    """Three masters that share the slots, and a replica of each."""

    def __init__(self, folder: Path) -> None:
        self.servers = _make_members(folder)
        self._pairs = list(zip(self.servers[:3], self.servers[3:], strict=True))

    @property
    def url(self) -> str:
        return f"redis+cluster://{_addresses(self.servers)}"

    def shard(self, port: int) -> tuple[RedisServer, RedisServer]:
        """The master on that port and its replica."""
        for pair in self._pairs:
            master, replica = sorted(pair, key=is_master, reverse=True)
            if master.port == port:
                return master, replica
        raise KeyError(port)

    def _agree(self) -> None:
        until(self._are_ready)

    def _take_notice(self) -> None:
        for server in self.servers:
            server.client().config_set("cluster-node-timeout", NOTICE)

    def _are_ready(self) -> bool:
        return all(map(self._is_ready, self.servers))

    def _is_ready(self, server: RedisServer) -> bool:
        client = server.client()
        shards: Any = client.execute_command("CLUSTER SLOTS")
        info: Any = client.execute_command("CLUSTER INFO")
        complete = len(shards) == len(self._pairs) and all(len(shard) == 4 for shard in shards)
        return complete and info["cluster_state"] == "ok" and _is_linked(server)


class SentinelTrio(Topology):
    """A master, its replica, and three Sentinels that watch them."""

    service = "sessions"

    def __init__(self, folder: Path) -> None:
        ports = free_ports(5)
        self.master = _server(folder / "master", ports[0])
        following = ("--replicaof", "127.0.0.1", str(ports[0]))
        self.replica = _server(folder / "replica", ports[1], *following)
        names = {port: secrets.token_hex(20) for port in ports[2:]}
        self.sentinels = [
            SentinelServer(_make_folder(folder / str(port)), port, self._configure(port, names))
            for port in names
        ]
        self.servers = [self.master, self.replica, *self.sentinels]

    @property
    def url(self) -> str:
        return f"redis+sentinel://{_addresses(self.sentinels)}/{self.service}/0"

    def named_master(self) -> int:
        """The port of the master that all Sentinels name; 0 where they do not agree."""
        named: list[Any] = [
            sentinel.client().sentinel_get_master_addr_by_name(self.service)
            for sentinel in self.sentinels
        ]
        ports = {address[1] for address in named}
        return int(ports.pop()) if len(ports) == 1 else 0

    def hand_over(self) -> None:
        """Ask for a failover while everything runs."""
        self.sentinels[0].client().execute_command("SENTINEL FAILOVER", self.service)

    def _agree(self) -> None:
        until(lambda: _is_linked(self.replica) and self.named_master() != 0)

    def _take_notice(self) -> None:
        for sentinel in self.sentinels:
            sentinel.client().sentinel_set(self.service, "down-after-milliseconds", NOTICE)

    def _configure(self, port: int, names: dict[int, str]) -> str:
        """The configuration of a Sentinel; alone it would find the others in two seconds."""
        others = [
            f"sentinel known-sentinel {self.service} 127.0.0.1 {other} {name}\n"
            for other, name in names.items()
            if other != port
        ]
        return (
            f"sentinel myid {names[port]}\n"
            f"sentinel monitor {self.service} 127.0.0.1 {self.master.port} 2\n"
            f"sentinel down-after-milliseconds {self.service} {PATIENCE_AT_START}\n"
            f"sentinel failover-timeout {self.service} 6000\n"
            f"sentinel known-replica {self.service} 127.0.0.1 {self.replica.port}\n"
            f"{''.join(others)}"
        )


class SentinelServer(RedisServer):
    """One Sentinel; it keeps what it learns in its configuration file."""

    def __init__(self, folder: Path, port: int, told: str) -> None:
        super().__init__(folder, port=port)
        configuration = folder / "sentinel.conf"
        self.command = [self.command[0], str(configuration), "--sentinel"]
        configuration.write_text(
            f"port {port}\nbind 127.0.0.1\ndir {folder}\nlogfile {folder}/sentinel.log\n{told}"
        )


def is_master(server: RedisServer) -> bool:
    return bool(_replication(server)["role"] == "master")


def wait_for_replica(master: RedisServer, replica: RedisServer) -> None:
    """Return when the replica holds what the master holds now."""
    written = _replication(master)["master_repl_offset"]
    until(lambda: bool(_replication(replica)["slave_repl_offset"] >= written))


def _make_members(folder: Path) -> list[RedisServer]:
    """Three masters and then their replicas, each with a file that names all and their slots."""
    names = [secrets.token_hex(20) for _ in range(6)]
    ports = free_ports(12)
    members, lines = {}, []
    for number, (name, port, bus) in enumerate(zip(names, ports[:6], ports[6:], strict=True)):
        shard = number % 3
        first, end = (SLOTS * part // 3 for part in (shard, shard + 1))
        role, slots = f"slave {names[shard]}", ""
        if number == shard:
            role, slots = "master -", f" {first}-{end - 1}"
        lines.append(f"{name} 127.0.0.1:{port}@{bus} {role} 0 0 {shard} connected{slots}\n")
        options = ("--cluster-enabled", "yes", "--cluster-port", str(bus))
        patient = ("--cluster-node-timeout", str(PATIENCE_AT_START))
        members[bus] = _server(folder / str(number), port, *options, *patient)
    for bus, member in members.items():
        told = "".join(lines).replace(f"@{bus} ", f"@{bus} myself,")
        (member.folder / "nodes.conf").write_text(f"{told}vars currentEpoch 2 lastVoteEpoch 0\n")
    return list(members.values())


def _server(folder: Path, port: int, *options: str) -> RedisServer:
    # A cluster lists a replica only after the first ping of its master.
    prompt = ("--repl-diskless-sync-delay", "0", "--repl-ping-replica-period", "1")
    return RedisServer(_make_folder(folder), *options, *prompt, port=port)


def _make_folder(folder: Path) -> Path:
    folder.mkdir(parents=True)
    return folder


def _is_linked(server: RedisServer) -> bool:
    state = _replication(server)
    return bool(state["role"] == "master" or state["master_link_status"] == "up")


def _replication(server: RedisServer) -> dict[str, Any]:
    state: dict[str, Any] = server.client().info("replication")
    return state


def _addresses(servers: Sequence[RedisServer]) -> str:
    return ",".join(f"127.0.0.1:{server.port}" for server in servers)
