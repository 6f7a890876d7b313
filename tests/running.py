"""The site as people meet it: server and worker as processes of their own, with their own files and data."""

import fcntl
import json
import os
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from deploy import prepare, run, services
from deploy.components import S3_KEYS, free_port

# What a developer's shell may hold must not reach a test's site.
OURS = ("DATABASE_URL", "SEARCH_", "STORAGE_", "MEDIA_", "TASKS_", "CACHE_", "WENLAN_ENV", "DJANGO_", "PORT", "DEBUG")


@dataclass(frozen=True, slots=True)
class Site:
    """A running site. ``env`` is what its processes were given, ``signs`` the demo's sign-ins as printed, ``root`` the
    tree of its release."""

    url: str
    env: Mapping[str, str]
    var: Path
    signs: str = ""
    root: Path = run.ROOT

    def manage(self, command: str, *options: str) -> str:
        """Runs a management command beside the site; returns what it printed. Raises run.CannotRun."""
        return run.manage(command, self.env, *options, root=self.root)

    def ingest(self, file: Path, *, title: str) -> dict:
        """Publishes a file as a course and waits: ``{id, url, assets: [{id, state, reason, hls, dash}]}``."""
        said = self.manage("ingest", str(file), "--title", title, "--publish", "--json")
        return json.loads(said)["courses"][0]


@contextmanager
def run_site(var: Path, settings: Mapping[str, str], *, films: str = "1") -> Iterator[Site]:
    """The whole site on a free port until the block ends. ``settings`` are environment variables over the defaults."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    clean = {key: value for key, value in os.environ.items() if not key.startswith(OURS)}
    env = {**clean, "PUBLIC_URL": url, "WENLAN_VAR": str(var), "PYTHONUNBUFFERED": "1", **settings}
    build_pages()
    # The demo's passwords are public; a production site takes them only by force, which is right for one on loopback.
    force = ["--force"] if settings.get("WENLAN_ENV") == "production" else []
    signs = run.prepare_data(env, "--films", films, *force)
    running = run.start(run.processes("127.0.0.1", port), env)
    try:
        run.wait_until_up(url, running)
        yield Site(url, env, var, signs)
    finally:
        run.stop(running)


def build_pages() -> None:
    """Once at a time: two test processes would write the same files."""
    with (prepare.ROOT / "frontend" / ".building").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        prepare.build_pages()
        prepare.compile_translations()


@contextmanager
def behind_nginx(site: Site, **options: str) -> Iterator[Site]:
    """The site as seen through a real nginx with the configuration of ``deploy/nginx``."""
    upstream = site.url.removeprefix("http://")
    defaults = {"upstream": upstream, "static": str(site.var / "static"), "media": str(site.var / "media")}
    if secret := site.env.get("MEDIA_LINK_SECRET"):
        defaults["link_secret"] = secret
    front = services.launch("nginx", **(defaults | options))
    try:
        yield replace(site, url=front.url)
    finally:
        services.stop_server(front)


@contextmanager
def production_site(var: Path, parts: Mapping[str, str]) -> Iterator[Site]:
    """The whole site with the settings of production on real parts (``parts``: DATABASE_URL, SEARCH_URL, STORAGE_URL,
    TASKS_URL, CACHE_URL), seen through nginx, which sends the media. The store takes ``components.S3_KEYS``."""
    port, storage = free_port(), parts["STORAGE_URL"]
    front = f"http://127.0.0.1:{port}"
    settings = {
        **S3_KEYS,
        **parts,
        "WENLAN_ENV": "production",
        "STAFF_SECOND_FACTOR": "false",  # the people of the journeys have no telephone
        "SECRET_KEY": secrets.token_hex(32),
        "ALLOWED_HOSTS": "127.0.0.1",
        "PUBLIC_URL": front,
        "STORAGE_URL": f"{storage}&public={front}",
        "MEDIA_ACCEL": "true",
    }
    bucket = storage.removeprefix("s3://").partition("?")[0]
    with (
        run_site(var, settings) as running,
        behind_nginx(running, port=str(port), store=s3_endpoint(storage), bucket=bucket) as front_site,
    ):
        yield front_site


def s3_endpoint(storage_url: str) -> str:
    return parse_qs(urlsplit(storage_url).query)["endpoint"][0]
