"""What each real server is: how it is had, how it is started on loopback, and when it answers."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import urllib.request
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from deploy.programs import CACHE, NEEDS_GO, NEEDS_MAVEN, Missing, as_root, build, install_packages, maven, which

ELASTICSEARCH = "8.19.5"
VERSITYGW = "v1.8.0"
S3PROXY, JACKSON = "4.1.0", "2.21"
SERVICE_USER = "wenlan-services"  # Elasticsearch, PostgreSQL and RabbitMQ refuse or dislike to run as root
ACCESS_KEY, SECRET_KEY = "wenlan", "only-for-loopback"
S3_KEYS = {"AWS_ACCESS_KEY_ID": ACCESS_KEY, "AWS_SECRET_ACCESS_KEY": SECRET_KEY, "AWS_DEFAULT_REGION": "us-east-1"}


@dataclass(slots=True)
class Started:
    """Processes in the order of their start; ``env`` holds the settings that point the site here."""

    processes: list[subprocess.Popen]
    url: str
    healthy: Callable[[], bool]
    env: dict[str, str] = field(default_factory=dict)


# The ground -------------------------------------------------------------------------------------
def service_user() -> str | None:
    """The account that servers run under: our own when we are not root, else one made for them."""
    if not as_root():
        return None
    try:
        pwd.getpwnam(SERVICE_USER)
    except KeyError:
        subprocess.run(
            ["useradd", "--system", "--user-group", "--no-create-home", "--shell", "/bin/sh", SERVICE_USER], check=True
        )
    return SERVICE_USER


def give(path: Path) -> None:
    """Makes ``path`` and what is in it the servers' own."""
    if user := service_user():
        for item in (path, *path.rglob("*")):
            shutil.chown(item, user, user)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def where(options: Mapping[str, str]) -> tuple[str, int]:
    """The address a server is to listen at: ``host`` and ``port`` of its options, else any free port of loopback."""
    return options.get("host") or "127.0.0.1", int(options.get("port") or free_port())


def spawn(
    command: list[str], home: Path, env: dict[str, str] | None = None, *, own_user: bool = True
) -> subprocess.Popen:
    """Starts a server in the background, its words in ``home/log``."""
    user = service_user() if own_user else None
    clean = {key: value for key, value in os.environ.items() if not key.startswith(("COV_", "PYTEST_"))}
    with (home / "log").open("ab") as log:
        return subprocess.Popen(
            command, cwd=home, env={**clean, "HOME": str(home), **(env or {})}, stdin=subprocess.DEVNULL,
            stdout=log, stderr=log, start_new_session=True, user=user, group=user, extra_groups=[] if user else None,
        )  # fmt: skip


def answers(at: tuple[str, int], say_first: bytes = b"", expect: bytes = b"") -> bool:
    """Whether something there takes a connection and, if asked, gives the expected first bytes."""
    try:
        with socket.create_connection(at, timeout=2) as line:
            if not say_first:
                return True
            line.sendall(say_first)
            return line.recv(64).startswith(expect)
    except OSError:
        return False


def fetch_ok(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310 (our own loopback address)
            return answer.status == 200
    except OSError:
        return False


# The servers ------------------------------------------------------------------------------------
class Component:
    """One kind of server. ``packages`` gives Debian's package of each program needed, ``remedy`` tells people elsewhere
    what to do. Each takes ``host`` and ``port``. Started again in the ``home`` of one that was killed, it goes on with
    its data."""

    name = ""
    packages: Mapping[str, str] = {}
    remedy = ""
    patience = 60.0  # seconds until "did not start"
    stop_signal = signal.SIGTERM

    def find(self) -> Path | None:
        """The program, or None."""
        raise NotImplementedError

    def obtain(self) -> None:
        """Downloads or builds what no package has. Raises Missing."""

    def require(self, *, install: bool) -> None:
        """Makes sure the server can be started. Raises Missing with the remedy."""
        if install:
            install_packages(self.packages)
        self.obtain()
        if self.find() is None:
            raise Missing(f"not on this machine. {self.remedy}")

    def program(self) -> Path:
        found = self.find()
        if found is None:
            raise Missing(f"not on this machine. {self.remedy}")
        return found

    def start(self, home: Path, **options: str) -> Started:
        raise NotImplementedError


class Postgres(Component):
    name = "postgres"
    packages = {"initdb": "postgresql"}
    remedy = "Install PostgreSQL 14 or later (Debian: apt install postgresql; macOS: brew install postgresql)."
    stop_signal = signal.SIGINT  # "fast": ends open connections instead of waiting for them

    def find(self) -> Path | None:
        return which("initdb")

    def start(self, home: Path, **options: str) -> Started:
        tools, data = self.program().resolve().parent, home / "data"
        host, port = where(options)
        if not data.exists():
            self._initialise(tools, data)
            with (data / "pg_hba.conf").open("a") as doors:
                doors.write(f"host all all {host}/24 trust\n")
        # Data of a test need not survive a power cut; what a killed server had promised it keeps if asked to.
        promises = "on" if options.get("durable") else "off"
        fast = ["fsync=off", "full_page_writes=off", f"synchronous_commit={promises}", "max_connections=200"]
        places = [f"listen_addresses={host}", f"unix_socket_directories={home}"]
        words = [word for setting in (*places, *fast) for word in ("-c", setting)]
        process = spawn([str(tools / "postgres"), "-D", str(data), "-p", str(port), *words], home)
        ready = [str(tools / "pg_isready"), "-q", "-h", host, "-p", str(port), "-U", "wenlan", "-d", "postgres"]
        url = f"postgres://wenlan@{host}:{port}/postgres"
        return Started(
            [process], url, lambda: subprocess.run(ready, check=False).returncode == 0, {"DATABASE_URL": url}
        )

    @staticmethod
    def _initialise(tools: Path, data: Path) -> None:
        words = ["-D", str(data), "-U", "wenlan", "-A", "trust", "--no-sync", "-E", "UTF8", "--locale=C.UTF-8"]
        if spawn([str(tools / "initdb"), *words], data.parent).wait() != 0:
            raise Missing(f"initdb failed:\n{(data.parent / 'log').read_text()[-1500:]}")


class Elasticsearch(Component):
    """A server by itself; or, with options, a node of a cluster: ``node`` (its name), ``peers`` (host:port at which
    it and the others talk to each other, with commas, its own first), ``founder`` (the node that begins the cluster),
    ``heap`` for either. Nodes talk to each other on loopback, for which Elasticsearch asks nothing of the machine."""

    name = "elasticsearch"
    packages = {"java": "default-jdk-headless", "mvn": "maven"}
    remedy = NEEDS_MAVEN
    patience = 180.0
    artifact = f"org.elasticsearch.distribution.integ-test-zip:elasticsearch:{ELASTICSEARCH}:zip"

    def find(self) -> Path | None:
        """The server's zip; it is unpacked for each start, where the servers' own user can read it."""
        repository = Path.home() / ".m2/repository/org/elasticsearch/distribution/integ-test-zip/elasticsearch"
        found = repository / ELASTICSEARCH / f"elasticsearch-{ELASTICSEARCH}.zip"
        return found if found.exists() and which("java") else None

    def obtain(self) -> None:
        if self.find() is not None:
            return
        maven(f"elasticsearch {ELASTICSEARCH}", "dependency:get", "-Dtransitive=false", f"-Dartifact={self.artifact}")

    def start(self, home: Path, **options: str) -> Started:
        server, (host, port) = self._unpack(home), where(options)
        settings = {
            **(self._alone() if "node" not in options else self._among(options)),
            "cluster.name": "wenlan",
            "http.host": host,
            "transport.host": "127.0.0.1",
            "http.port": port,
            "path.data": home / "data",
            "path.logs": home / "logs",
            "xpack.security.enabled": "false",
            # A full disk or a small address space on a developer's machine must not turn indexes read-only.
            "cluster.routing.allocation.disk.threshold_enabled": "false",
            "node.store.allow_mmap": "false",
        }
        config = server / "config" / "elasticsearch.yml"
        config.write_text("".join(f"{key}: {value}\n" for key, value in settings.items()))
        give(home)
        heap = options.get("heap") or os.environ.get("WENLAN_ES_HEAP", "768m")
        java_home = Path(str(which("java"))).resolve().parent.parent
        # A node of tests lives for a minute: quick compilation pays, thorough does not.
        java = f"-Xms{heap} -Xmx{heap}" + (" -XX:TieredStopAtLevel=1" if "node" in options else "")
        env = {"ES_JAVA_HOME": str(java_home), "ES_JAVA_OPTS": java, "ES_TMPDIR": str(home / "tmp")}
        process = spawn([str(server / "bin" / "elasticsearch")], home, env)
        url = f"http://{host}:{port}"
        healthy = f"{url}/_cluster/health?wait_for_status=yellow&timeout=4s"
        return Started([process], url, lambda: fetch_ok(healthy), {"SEARCH_URL": url})

    @staticmethod
    def _alone() -> dict[str, object]:
        return {"discovery.type": "single-node", "transport.port": free_port()}

    @staticmethod
    def _among(options: Mapping[str, str]) -> dict[str, object]:
        own, *others = options["peers"].split(",")
        return {
            "node.name": options["node"],
            "transport.port": own.rpartition(":")[2],
            "discovery.seed_hosts": ",".join(others),
            "cluster.initial_master_nodes": options["founder"],
        }

    def _unpack(self, home: Path) -> Path:
        server = home / f"elasticsearch-{ELASTICSEARCH}"
        if server.exists():
            return server
        with zipfile.ZipFile(self.program()) as archive:
            archive.extractall(home)
        for script in (server / "bin").iterdir():
            script.chmod(0o755)
        (home / "tmp").mkdir()
        return server


class S3(Component):
    name = "s3"
    remedy = NEEDS_GO
    bucket = "wenlan"

    def find(self) -> Path | None:
        return which("versitygw")

    def obtain(self) -> None:
        if self.find() is not None:
            return
        build("github.com/versity/versitygw/cmd/versitygw", VERSITYGW)

    def start(self, home: Path, **options: str) -> Started:
        host, port = where(options)
        data, side = home / "data", home / "side"
        if not data.exists():
            (data / self.bucket).mkdir(parents=True)
            side.mkdir()
            give(home)
        gateway = [
            str(self._readable(home)), "--port", f"{host}:{port}", "--access", ACCESS_KEY, "--secret", SECRET_KEY,
            "--region", "us-east-1", "--keep-alive", "--quiet", "--health", "/healthz", "--cors-allow-origin", "*",
            "posix", *([] if _keeps_attributes(data) else ["--sidecar", str(side)]), str(data),
        ]  # fmt: skip
        process = spawn(gateway, home)
        endpoint = f"http://{host}:{port}"
        url = f"s3://{self.bucket}?endpoint={endpoint}"
        return Started([process], url, lambda: fetch_ok(f"{endpoint}/healthz"), {"STORAGE_URL": url, **S3_KEYS})

    def _readable(self, home: Path) -> Path:
        """The program where the servers' own user can run it: root's home is closed to others."""
        if not as_root():
            return self.program()
        copy = home / "versitygw"
        if copy.exists():
            return copy
        shutil.copy(self.program(), copy)
        copy.chmod(0o755)
        return copy


def _keeps_attributes(place: Path) -> bool:
    """Whether the file system stores extended attributes, where versitygw keeps what S3 says of an object."""
    try:
        os.setxattr(place, "user.wenlan", b"1")
    except (OSError, AttributeError):
        return False
    return True


class S3Proxy(Component):
    """A second S3 server, by other people in another language: what holds on both holds by the protocol. It keeps its
    bytes in a directory."""

    name = "s3proxy"
    packages = {"java": "default-jdk-headless", "mvn": "maven"}
    remedy = NEEDS_MAVEN
    project = f"""<project xmlns="http://maven.apache.org/POM/4.0.0">
<modelVersion>4.0.0</modelVersion><groupId>wenlan</groupId><artifactId>second-store</artifactId><version>1</version>
<dependencies>
<dependency><groupId>org.gaul</groupId><artifactId>s3proxy</artifactId><version>{S3PROXY}</version></dependency>
<dependency><groupId>com.fasterxml.jackson.core</groupId><artifactId>jackson-annotations</artifactId>
<version>{JACKSON}</version></dependency>
</dependencies></project>
"""
    quiet = """<configuration><appender name="out" class="ch.qos.logback.core.ConsoleAppender"><encoder>
<pattern>%d %level %logger{0} %msg%n</pattern></encoder></appender>
<root level="WARN"><appender-ref ref="out"/></root></configuration>
"""

    def find(self) -> Path | None:
        found = CACHE / f"s3proxy-{S3PROXY}"
        return found if found.exists() and which("java") else None

    def obtain(self) -> None:
        if self.find() is not None:
            return
        aside = CACHE / f"s3proxy-{S3PROXY}.{os.getpid()}"
        aside.mkdir(parents=True, exist_ok=True)
        (aside / "pom.xml").write_text(self.project)
        words = ("dependency:copy-dependencies", "-DincludeScope=runtime", "-DoutputDirectory=lib")
        maven(f"s3proxy {S3PROXY}", *words, place=aside)
        aside.rename(CACHE / f"s3proxy-{S3PROXY}")

    def start(self, home: Path, **options: str) -> Started:
        host, port = where(options)
        data, jars = home / "data", home / "lib"
        if not data.exists():
            (data / S3.bucket).mkdir(parents=True)
            shutil.copytree(self.program() / "lib", jars)
        endpoint = f"http://{host}:{port}"
        settings = {
            "s3proxy.endpoint": endpoint,
            "s3proxy.authorization": "aws-v2-or-v4",
            "s3proxy.identity": ACCESS_KEY,
            "s3proxy.credential": SECRET_KEY,
            "s3proxy.cors-allow-all": "true",
            "jclouds.provider": "filesystem-nio2",
            "jclouds.identity": ACCESS_KEY,
            "jclouds.credential": SECRET_KEY,
            "jclouds.filesystem.basedir": data,
        }
        (home / "s3proxy.conf").write_text("".join(f"{key}={value}\n" for key, value in settings.items()))
        (home / "logback.xml").write_text(self.quiet)
        give(home)
        java = [str(which("java")), "-Xmx512m", "-Dlogback.configurationFile=logback.xml", "-cp", f"{jars}/*"]
        process = spawn([*java, "org.gaul.s3proxy.Main", "--properties", str(home / "s3proxy.conf")], home)
        url = f"s3://{S3.bucket}?endpoint={endpoint}"
        return Started([process], url, lambda: answers((host, port)), {})


class Redis(Component):
    name = "redis"
    packages = {"redis-server": "redis-server"}
    remedy = "Install Redis 6 or later (Debian: apt install redis-server; macOS: brew install redis)."

    def find(self) -> Path | None:
        return which("redis-server")

    def start(self, home: Path, **options: str) -> Started:
        host, port = where(options)
        words = [
            "--protected-mode",
            "no",
            "--bind",
            host,
            "--port",
            str(port),
            "--dir",
            str(home),
            "--save",
            "",
            "--appendonly",
            "no",
        ]
        process = spawn([str(self.program()), *words], home)
        url = f"redis://{host}:{port}/0"
        return Started([process], url, lambda: answers((host, port), b"PING\r\n", b"+PONG"), {"CACHE_URL": url})


class RabbitMQ(Component):
    name = "rabbitmq"
    packages = {"rabbitmq-server": "rabbitmq-server"}
    remedy = "Install RabbitMQ 3.10 or later (Debian: apt install rabbitmq-server; macOS: brew install rabbitmq)."
    patience = 120.0

    def find(self) -> Path | None:
        # Debian's /usr/sbin/rabbitmq-server changes to its own user and directories; the script behind it does not.
        return which("/usr/lib/rabbitmq/bin/rabbitmq-server") or which("rabbitmq-server")

    def start(self, home: Path, **options: str) -> Started:
        (host, port), names_port, dist_port = where(options), free_port(), free_port()
        doors = f"listeners.tcp.1 = {host}:{port}\nloopback_users = none\n"
        (home / "rabbitmq.conf").write_text(f"{doors}log.console = true\n")
        (home / "enabled_plugins").write_text("[].\n")
        give(home)
        env = {
            "RABBITMQ_NODENAME": "wenlan@localhost",
            "RABBITMQ_NODE_IP_ADDRESS": host,
            "RABBITMQ_NODE_PORT": str(port),
            "RABBITMQ_DIST_PORT": str(dist_port),
            "RABBITMQ_CONFIG_FILE": str(home / "rabbitmq.conf"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(home / "enabled_plugins"),
            "RABBITMQ_MNESIA_BASE": str(home / "data"),
            "RABBITMQ_LOG_BASE": str(home / "logs"),
            "RABBITMQ_PID_FILE": str(home / "pid"),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1} +S 2:2",
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "ERL_EPMD_PORT": str(names_port),
        }
        # The name server would otherwise be started by the node and outlive it.
        names = spawn(["epmd", "-address", "127.0.0.1", "-port", str(names_port)], home, env)
        node = spawn([str(self.program())], home, env)
        url = f"amqp://guest:guest@{host}:{port}//"
        hello = b"AMQP\x00\x00\x09\x01"
        return Started([names, node], url, lambda: answers((host, port), hello, b"\x01\x00\x00"), {"TASKS_URL": url})


class Nginx(Component):
    """In front of the site, with the same configuration as ``deploy/nginx``. Options: ``upstream`` (host:port of
    gunicorn), ``media`` (directory of the local store), ``static`` (collected files), ``store`` (S3 endpoint),
    ``bucket``, ``link_secret`` (``MEDIA_LINK_SECRET``), ``port``, ``shared`` (any word: others listen at the same
    address, and the kernel shares the connections out, as a service of Kubernetes does among its pods)."""

    name = "nginx"
    packages = {"nginx": "nginx-light"}
    remedy = "Install nginx 1.18 or later (Debian: apt install nginx-light; macOS: brew install nginx)."
    stop_signal = signal.SIGTERM

    def find(self) -> Path | None:
        return which("nginx")

    def start(self, home: Path, **options: str) -> Started:
        host, port = where(options)
        config = home / "nginx.conf"
        config.write_text(render_nginx(home, f"{host}:{port}", options))
        test = subprocess.run(
            [str(self.program()), "-t", "-q", "-p", str(home), "-c", str(config)],
            capture_output=True,
            text=True,
            check=False,
        )
        if test.returncode != 0:
            raise Missing(f"nginx refuses its configuration:\n{test.stderr}")
        process = spawn([str(self.program()), "-p", str(home), "-c", str(config)], home, own_user=False)
        url = f"http://{host}:{port}"
        return Started([process], url, lambda: answers((host, port)), {})


def render_nginx(home: Path, address: str, options: dict[str, str]) -> str:
    """A whole nginx.conf for one directory around ``deploy/nginx/wenlan.conf.template``, or that of another release
    (``template``)."""
    store = options.get("store", "http://127.0.0.1:9")
    values = {
        "WENLAN_LISTEN": f"{address} reuseport" if options.get("shared") else address,
        "WENLAN_UPSTREAM": options.get("upstream", "127.0.0.1:8000"),
        "WENLAN_STATIC": options.get("static", str(home)),
        "WENLAN_MEDIA": options.get("media", str(home)),
        "WENLAN_LINK_SECRET": options.get("link_secret", "-"),
        "WENLAN_STORE": store,
        "WENLAN_STORE_HOST": store.partition("://")[2],
        "WENLAN_BUCKET": options.get("bucket", "wenlan-store"),
        "WENLAN_CACHE": str(home / "cache"),
        "WENLAN_ACCESS_LOG": str(home / "access.log"),
        "WENLAN_TERMINATOR": "127.0.0.1",
    }
    site = Path(options.get("template") or Path(__file__).parent / "nginx" / "wenlan.conf.template").read_text()
    for name, value in values.items():
        site = site.replace("${" + name + "}", value)
    temporary = "".join(
        f"    {kind}_temp_path {home}/{kind};\n" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    user = "user root;\n" if as_root() else ""
    mime = next((f"    include {path};\n" for path in MIME_TYPES if Path(path).exists()), "")
    head = f"{user}daemon off;\nworker_processes 2;\npid {home}/nginx.pid;\nerror_log {home}/error.log warn;\n"
    return f"{head}events {{ worker_connections 1024; }}\nhttp {{\n{mime}    sendfile on;\n{temporary}{site}\n}}\n"


MIME_TYPES = ("/etc/nginx/mime.types", "/opt/homebrew/etc/nginx/mime.types", "/usr/local/etc/nginx/mime.types")
BY_NAME: dict[str, Component] = {
    component.name: component
    for component in (Postgres(), Elasticsearch(), S3(), S3Proxy(), Redis(), RabbitMQ(), Nginx())
}
# What tests use beside servers: a browser that shows Chinese, and a second opinion on films.
TOOLS = {
    "chromium": "chromium",
    "/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc": "fonts-noto-cjk",
    "nginx": "nginx-light",
    "ffprobe": "ffmpeg",
}
# nginx is started in front of a site, the second store beside the first, so only where one is asked for.
DEFAULT = ["postgres", "elasticsearch", "s3", "redis", "rabbitmq"]
