"""The whole production set on one machine: PostgreSQL, three nodes of Elasticsearch, versitygw, RabbitMQ, Redis, two
web processes and two nginx on a network of their own, and workers on two further hosts of it: network namespaces."""

import json
import os
import signal
import subprocess
import sys
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from deploy import run, services
from deploy.components import free_port
from deploy.programs import Missing
from tests.running import OURS, Site, build_pages
from tests.search.nodes import Nodes

BRIDGE, CENTRE = "wenlan0", "10.77.0.1"
DOOR = "127.0.0.1"  # where readers come in; browsers trust it without a certificate
HOSTS = {"east": "10.77.0.11", "west": "10.77.0.12"}
LEASE = 10  # seconds; a host whose line is cut for longer loses its jobs to the others
PART = 5 * 1024**2  # the smallest part that S3 takes


def ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True)


class Network:
    """A bridge with one line to each host; a line can be cut."""

    def __init__(self) -> None:
        if os.geteuid() or sys.platform != "linux":
            raise Missing("Hosts of their own are network namespaces: run this on Linux as root.")
        self.remove()
        ip("link", "add", BRIDGE, "type", "bridge")
        ip("addr", "add", f"{CENTRE}/24", "dev", BRIDGE)
        ip("link", "set", BRIDGE, "up")
        for host, address in HOSTS.items():
            ip("netns", "add", self.name(host))
            ip("link", "add", f"wl-{host}", "type", "veth", "peer", "name", "eth0", "netns", self.name(host))
            ip("link", "set", f"wl-{host}", "master", BRIDGE, "up")
            for words in (("addr", "add", f"{address}/24", "dev", "eth0"), ("link", "set", "eth0", "up")):
                ip("-n", self.name(host), *words)
            ip("-n", self.name(host), "link", "set", "lo", "up")

    @staticmethod
    def name(host: str) -> str:
        return f"wenlan-{host}"

    def cut(self, host: str) -> None:
        ip("link", "set", f"wl-{host}", "down")

    def mend(self, host: str) -> None:
        ip("link", "set", f"wl-{host}", "up")

    def remove(self) -> None:
        names = [("netns", "del", self.name(host)) for host in HOSTS]
        links = [("link", "del", link) for link in (*(f"wl-{host}" for host in HOSTS), BRIDGE)]
        for words in names + links:
            subprocess.run(["ip", *words], capture_output=True, check=False)


@dataclass(slots=True)
class Part:
    """A server by its name and options; the one that runs now, if one does."""

    name: str
    options: dict[str, str] = field(default_factory=dict)
    server: services.Running | None = None

    def start(self) -> services.Running:
        options = {"host": CENTRE, "port": str(free_port()), **self.options}
        home = self.server.home if self.server else ""
        self.server = services.launch(self.name, home, **options)
        self.options = options
        return self.server

    def kill(self) -> None:
        if self.server:
            services.kill_server(self.server)


@dataclass(slots=True)
class Process:
    """One of ours: a web process or a worker, with a directory of its own as on a machine of its own. ``root``: the
    tree of its release."""

    name: str
    words: list[str]
    env: dict[str, str]
    log: Path
    root: Path = run.ROOT
    running: subprocess.Popen | None = None

    def start(self) -> None:
        Path(self.env["WENLAN_VAR"]).mkdir(exist_ok=True)
        with self.log.open("ab") as log:
            words = {"stdout": log, "stderr": log, "start_new_session": True}
            self.running = subprocess.Popen(self.words, cwd=self.root, env=self.env, **words)

    def kill(self) -> None:
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        self._end(signal.SIGTERM)

    def _end(self, number: int) -> None:
        if self.running and self.running.poll() is None:
            os.killpg(self.running.pid, number)
            try:
                self.running.wait(30)
            except subprocess.TimeoutExpired:
                os.killpg(self.running.pid, signal.SIGKILL)
                self.running.wait()


def settings(parts: Mapping[str, Part], place: Path, front: str) -> dict[str, str]:
    """What the processes of a production set are told: the parts that run, and ``front``, where readers come in."""
    clean = {key: value for key, value in os.environ.items() if not key.startswith(OURS)}
    given = {key: value for part in parts.values() if part.server for key, value in part.server.env.items()}
    return clean | given | {
        "WENLAN_ENV": "production",
        "WENLAN_VAR": str(place),
        "STATIC_ROOT": str(place / "static"),
        "STAFF_SECOND_FACTOR": "false",
        "SECRET_KEY": uuid.uuid4().hex * 2,
        "MEDIA_LINK_SECRET": uuid.uuid4().hex,
        "ALLOWED_HOSTS": DOOR,
        "PUBLIC_URL": front,
        "STORAGE_URL": f"{given['STORAGE_URL']}&public={front}",
        "MEDIA_ACCEL": "true",
        "UPLOAD_PART_BYTES": str(PART),
        "JOB_LEASE_SECONDS": str(LEASE),
        "PYTHONUNBUFFERED": "1",
    }  # fmt: skip


class Production:
    """``site.url`` is nginx."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self.network = Network()
        self.parts: dict[str, Part] = {}
        self.search = Nodes(host=CENTRE)
        self.processes: dict[str, Process] = {}
        self.site = Site("", {}, place)

    def start(self) -> None:
        durable = {"postgres": {"durable": "yes"}}
        for name in ("postgres", "s3", "rabbitmq", "redis"):
            self.parts[name] = Part(name, durable.get(name, {}))
            self.parts[name].start()
        self.search.start(*self.search.names)
        front = {"host": DOOR, "port": str(free_port()), "shared": "yes"}
        env = settings(self.parts, self.place, f"http://{DOOR}:{front['port']}")
        env["SEARCH_URL"] = self.search.url
        build_pages()
        run.prepare_data(env, "--films", "1", "--force")
        run.manage("prepare_storage", env)
        webs = [free_port(), free_port()]
        for number, port in enumerate(webs, 1):
            words = [str(run.BIN / "gunicorn"), "-c", "deploy/gunicorn.conf.py", "--bind", f"{CENTRE}:{port}"]
            self._add(f"web {number}", [*words, "config.wsgi"], env)
        for host in HOSTS:
            into = ["ip", "netns", "exec", self.network.name(host)]
            for number in (1, 2):
                self._add(f"worker {host} {number}", [*into, *run.MANAGE, "run_worker"], env)
        store = self.parts["s3"].server
        assert store is not None
        front |= {
            "upstream": "; server ".join(f"{CENTRE}:{port}" for port in webs),
            "static": str(self.place / "static"),
            "store": store.url.partition("endpoint=")[2],
            "bucket": "wenlan",
            "link_secret": env["MEDIA_LINK_SECRET"],
        }
        for number in (1, 2):  # as many as the manifests ask for
            self.parts[f"nginx {number}"] = Part("nginx", dict(front))
            url = self.parts[f"nginx {number}"].start().url
        self.site = Site(url, env, self.place)
        run.wait_until_up(url, {name: p.running for name, p in self.processes.items() if p.running})

    def _add(self, name: str, words: list[str], env: dict[str, str]) -> None:
        own = self.place / name.replace(" ", "-")
        process = Process(name, words, env | {"WENLAN_VAR": str(own), "WEB_WORKERS": "1"}, own.with_suffix(".log"))
        process.start()
        self.processes[name] = process

    def told_to_tests(self) -> dict[str, str]:
        """What the journeys read to walk this set instead of starting one (``real_site`` of tests/conftest.py)."""
        site = {"url": self.site.url, "env": dict(self.site.env), "var": str(self.site.var)}
        return {"WENLAN_REAL_SITE": json.dumps(site)}

    def stop(self) -> None:
        for process in self.processes.values():
            process.stop()
        self.search.stop()
        for part in reversed(self.parts.values()):
            if part.server:
                services.stop_server(part.server)
        self.network.remove()


@contextmanager
def production(place: Path) -> Iterator[Production]:
    """The set, until the block ends. Raises Missing."""
    made = Production(place)
    try:
        made.start()
        yield made
    finally:
        made.stop()
