"""What is done to the production set, one thing at a time: a name, how it begins, how long it lasts, how it ends."""

from collections.abc import Callable
from dataclasses import dataclass

from tests.chaos.production import LEASE, Production


@dataclass(frozen=True, slots=True)
class Fault:
    """``seconds``: how long nobody notices; a supervisor would be faster."""

    name: str
    begin: Callable[[], object]
    seconds: float
    end: Callable[[], object]


def all_of(set_: Production) -> list[Fault]:
    parts, ours, nodes, net = set_.parts, set_.processes, set_.search, set_.network

    def part(name: str, seconds: float) -> Fault:
        return Fault(f"{name} killed", parts[name].kill, seconds, parts[name].start)

    def node(name: str) -> Fault:
        return Fault(f"elasticsearch {name} killed", lambda: nodes.kill(name), 10, lambda: nodes.start(name))

    def killed(name: str, seconds: float) -> Fault:
        return Fault(f"{name} killed", ours[name].kill, seconds, ours[name].start)

    def restarted(name: str) -> Fault:
        return Fault(f"{name} restarted", ours[name].stop, 0, ours[name].start)

    def cut(host: str) -> Fault:
        return Fault(f"line to {host} cut", lambda: net.cut(host), 2 * LEASE, lambda: net.mend(host))

    workers = [name for name in ours if name.startswith("worker")]
    return [
        killed("web 1", 5), restarted("web 2"),
        *(killed(name, 3) for name in workers), restarted(workers[0]),
        cut("east"), cut("west"),
        *(node(name) for name in nodes.names),
        part("rabbitmq", 10), part("redis", 10), part("s3", 5), part("postgres", 0), part("nginx 1", 0),
    ]  # fmt: skip
