"""Uploads whose line is cut at random bytes, until each is whole: on a directory and on an S3 server.

``python -m tests.bench.cuts [--uploads 1000] [--store local|s3|s3proxy] [--seed 1]`` starts gunicorn on a database of
its own and sends films through ``/api/v1/uploads`` as docs/uploads.md tells a client to, four at a time. Every second
part is cut off: the line drops after a random number of its bytes. Now and then the client forgets all it knew and asks
for the upload again by the file's name. At the end it must stand: every original has the SHA-256 of what was sent, and
no part that had arrived was asked for again.
"""

import argparse
import base64
import hashlib
import json
import os
import random
import socket
import sys
import tempfile
import time
import zlib
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import urllib3

from deploy import run, services
from deploy.components import S3_KEYS, free_port
from tests.bench.kills import make_films, say

PART = 5 * 1024**2  # the least that S3 takes
AT_ONCE = 4
CUT, FORGET = 0.5, 0.1

PARTNER = """
from accounts.models import User
from catalog.machines import ApiToken
from catalog.models import Institution, Membership
house = Institution.add_root(code="house", name="学校")
user = User.objects.create_user("partner", email="partner@example.org")
Membership.objects.create(user=user, institution=house, role="uploader")
token = ApiToken(user=user, institution=house, name="cuts", scopes=["upload"])
secret = token.make_secret()
token.save()
print("token", secret)
"""
STORED = """
import hashlib, json
from media_pipeline import storage
from media_pipeline.models import MediaAsset
store = storage.store()
def digest(key):
    with store.open(key) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
print(json.dumps({str(uid): digest(key) for uid, key in MediaAsset.objects.values_list("uid", "original_key")}))
"""


@dataclass(slots=True)
class Client:
    """Sends films. ``sent``: the SHA-256 of each by the uid of its asset; ``counts``: what happened to parts."""

    site: str
    token: str
    film: bytes
    people: urllib3.PoolManager = field(default_factory=lambda: urllib3.PoolManager(retries=False, maxsize=AT_ONCE))
    sent: dict[str, str] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)

    def send(self, number: int, seed: int) -> None:
        dice = random.Random(f"{seed} {number}")
        data = self._film(dice)
        crcs: dict[int, str] = {}
        upload = self._begin(number, data)
        while len(crcs) < len(range(0, len(data), upload["part_bytes"])):
            if dice.random() < FORGET:
                crcs = {part["number"]: part["crc32"] for part in self._begin(number, data)["parts"]}
                continue
            self._one_part(upload, data, crcs, dice)
        asset = self._ask("POST", f"/uploads/{upload['uid']}/complete", {})
        self.sent[asset["uid"].replace("-", "")] = hashlib.sha256(data).hexdigest()

    def _film(self, dice: random.Random) -> bytes:
        """The film with a free box at its end (ISO/IEC 14496-12, 8.1.2), which makes it another file of one to three
        parts."""
        filler = dice.randbytes(dice.randrange(1000, 2 * PART))
        return self.film + (len(filler) + 8).to_bytes(4) + b"free" + filler

    def _begin(self, number: int, data: bytes) -> dict:
        head = base64.b64encode(data[:4096]).decode()
        about = {"institution": "house", "filename": f"film-{number}.mp4", "bytes": len(data), "head": head}
        return self._ask("POST", "/uploads", about | {"fingerprint": hashlib.sha256(data).hexdigest()})

    def _one_part(self, upload: dict, data: bytes, crcs: dict[int, str], dice: random.Random) -> None:
        """Sends one that is missing, or a piece of it; ``crcs`` are those that have arrived."""
        size = upload["part_bytes"]
        number = dice.choice([one for one in range(1, -(-len(data) // size) + 1) if one not in crcs])
        chunk = data[(number - 1) * size : number * size]
        crc = base64.b64encode(zlib.crc32(chunk).to_bytes(4)).decode()
        signed = self._ask("POST", f"/uploads/{upload['uid']}/parts", {"number": number, "crc32": crc})
        url = urljoin(self.site, signed["url"])
        if dice.random() < CUT:
            _send_cut(url, signed["headers"], chunk, dice.randrange(len(chunk)))
            self.counts["cut"] += 1
            return
        answer = self.people.request("PUT", url, body=chunk, headers=signed["headers"])
        self.counts["whole" if answer.status == 200 else f"answer {answer.status}"] += 1
        if answer.status == 200:
            crcs[number] = crc

    def _ask(self, method: str, path: str, body: dict) -> dict:
        told = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        while True:
            answer = self.people.request(method, f"{self.site}/api/v1{path}", body=json.dumps(body), headers=told)
            if answer.status != 429:
                break
            time.sleep(float(answer.headers["Retry-After"]) / 60)  # a polite client; the limit is a minute's
        if answer.status >= 400:
            raise RuntimeError(f"{method} {path}: {answer.status} {answer.data.decode()[:300]}")
        return json.loads(answer.data)


def _send_cut(url: str, headers: dict, body: bytes, keep: int) -> None:
    """Announces the whole part and drops the line after ``keep`` bytes."""
    at = urlsplit(url)
    lines = [f"PUT {at.path}?{at.query} HTTP/1.1", f"Host: {at.netloc}", f"Content-Length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    with socket.create_connection((at.hostname, at.port)) as line:
        line.sendall("\r\n".join([*lines, "", ""]).encode() + body[:keep])


def measure(store: str, uploads: int, seed: int) -> bool:
    """Whether all stood; prints what was counted."""
    with ExitStack() as stack:
        var = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="wenlan-cuts-")))
        env = {**os.environ, "WENLAN_VAR": str(var), "UPLOAD_PART_BYTES": str(PART)}
        if store != "local":
            server = services.launch(store)
            stack.callback(services.stop_server, server)
            env |= {"STORAGE_URL": server.url, **S3_KEYS}
        run.manage("migrate", env, "--verbosity", "0")
        token = run.manage("shell", env, "-v0", "-c", PARTNER).rpartition("token ")[2].strip()
        port = free_port()
        running = run.start({"web server": run.processes("127.0.0.1", port)["web server"]}, env)
        stack.callback(run.stop, running)
        run.wait_until_up(f"http://127.0.0.1:{port}", running)
        client = Client(f"http://127.0.0.1:{port}", token, make_films(var)["whole"].read_bytes())
        began = time.monotonic()
        with ThreadPoolExecutor(AT_ONCE) as pool:
            list(pool.map(lambda number: client.send(number, seed), range(uploads)))
        seconds = time.monotonic() - began
        stored = json.loads(run.manage("shell", env, "-v0", "-c", STORED).strip().splitlines()[-1])
        stored = {uid.replace("-", ""): digest for uid, digest in stored.items()}
        damaged = [uid for uid, digest in client.sent.items() if stored.get(uid) != digest]
        say(f"{store}: {len(client.sent)} uploads in {seconds:.0f} s, {dict(client.counts)}, {len(damaged)} damaged")
        return not damaged and len(client.sent) == uploads and set(client.counts) <= {"cut", "whole"}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--uploads", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--store", choices=["local", "s3", "s3proxy"], action="append")
    asked = parser.parse_args()
    stores = asked.store or ["local", "s3"]
    failed = [store for store in stores if not measure(store, asked.uploads // len(stores), asked.seed)]
    return int(bool(failed))


if __name__ == "__main__":
    sys.exit(main())
