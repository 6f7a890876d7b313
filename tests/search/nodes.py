"""Three nodes of a real Elasticsearch on loopback that make one cluster, to be killed and started again."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from elasticsearch import Elasticsearch

from deploy import services
from deploy.components import free_port

HEAP = "384m"


@dataclass(slots=True)
class Node:
    """One of them: the ports it keeps, and the server while there is one."""

    name: str
    http: int
    transport: int
    server: services.Running | None = None


class Nodes:
    """``url`` is the ``SEARCH_URL`` of the cluster."""

    def __init__(self, names: Sequence[str] = ("one", "two", "three"), host: str = "127.0.0.1") -> None:
        self.host = host
        self.nodes = {name: Node(name, free_port(), free_port()) for name in names}
        self.names = tuple(names)
        self.url = ",".join(f"http://{host}:{node.http}" for node in self.nodes.values())
        self.client = Elasticsearch(self.url.split(","), request_timeout=60, max_retries=9, retry_on_timeout=True)

    def start(self, *names: str) -> None:
        """These nodes, on their data if they had any; ends when every copy of everything is there again. Raises
        Missing."""
        with ThreadPoolExecutor() as together:
            list(together.map(self._start, map(self.nodes.get, names)))
        alive = sum(node.server is not None for node in self.nodes.values())
        health = self.client.cluster.health(wait_for_nodes=f"{alive}", wait_for_status="green", timeout="120s")
        assert health["status"] == "green", health.body

    def _start(self, node: Node) -> None:
        peers = [node, *(other for other in self.nodes.values() if other is not node)]
        node.server = services.launch(
            "elasticsearch",
            node.server.home if node.server else "",
            node=node.name,
            peers=",".join(f"127.0.0.1:{peer.transport}" for peer in peers),
            founder=self.names[0],
            host=self.host,
            port=str(node.http),
            heap=HEAP,
        )

    def kill(self, *names: str) -> None:
        """As a power cut does."""
        for name in names:
            services.kill_server(self.nodes[name].server)

    def stop(self) -> None:
        for node in self.nodes.values():
            if node.server:
                services.stop_server(node.server)

    # Who does what ------------------------------------------------------------------------------

    def master(self) -> str:
        """The node that leads the others."""
        return self.client.cat.master(format="json")[0]["node"]

    def writing(self, index: str) -> str:
        """A node that takes the writes of one shard of an index, and does not lead the cluster if that can be had."""
        shards = self.client.cat.shards(index=index, format="json")
        holders = {shard["node"] for shard in shards if shard["prirep"] == "p"}
        return min(holders - {self.master()} or holders)
