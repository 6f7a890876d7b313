"""What the set is given before anything breaks, and what must stand when all is over."""

import json
import time
from dataclasses import dataclass, field
from pathlib import Path

from deploy import run
from tests.chaos.load import Course
from tests.chaos.production import Production

PARTNER = """
import json
from accounts.models import User
from catalog.machines import ApiToken
from catalog.models import Course, Institution
house = Institution.objects.get(code="cq-qj")
token = ApiToken(user=User.objects.get(username="partner"), institution=house, name="chaos",
                 scopes=["upload", "courses:read", "courses:write"])
secret = token.make_secret()
token.save()
public = Course.objects.filter(live=True).order_by("pk")[:40]
print(json.dumps({"token": secret, "courses": [[one.title, one.get_absolute_url()] for one in public]}))
"""

LOOK = """
import hashlib, json
from catalog.models import Course
from media_pipeline import storage
from media_pipeline.models import Job, MediaAsset, Package
uploaded = json.loads({uploaded!r})
# counted first: what ends meanwhile is looked at after it has ended
still_open = Job.objects.filter(state__in=["queued", "running"]).count()
def digest(key):
    with storage.store().open(key) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
states, lost = {{}}, []
for asset in MediaAsset.objects.filter(uid__in=list(uploaded)):
    states[str(asset.uid)] = asset.state
    packages = Package.objects.filter(asset=asset, current=True, complete=True).count()
    if asset.state != "published" or packages != 1 or digest(asset.original_key) != uploaded[str(asset.uid)]:
        lost.append([str(asset.uid), asset.state, packages])
lost += [[uid, "not there", 0] for uid in uploaded if uid not in states]
names = list(Course.objects.filter(external_source="deposit").values_list("external_id", flat=True))
print(json.dumps({{
    "lost": lost,
    "jobs": Job.objects.count(),
    "open": still_open,
    "failed": list(Job.objects.filter(state="failed").values_list("kind", "reason_code", "reason")),
    "repeated": Job.objects.filter(attempt__gt=1).count(),
    "deposits": len(names), "twice": len(names) - len(set(names)),
}}))
"""


@dataclass(slots=True)
class Found:
    """``lost``: uploads whose film cannot be played or is not what was sent; ``stuck``: jobs that never ended or gave
    up; ``problems`` in words."""

    jobs: int
    repeated: int
    lost: list[list]
    stuck: int
    problems: list[str] = field(default_factory=list)


def shell(set_: Production, code: str) -> dict:
    return json.loads(set_.site.manage("shell", "-v", "0", "-c", code).splitlines()[-1])


def prepare(set_: Production, film: Path) -> tuple[list[Course], str]:
    """The courses that are read, two of them with films that are watched; and the token of a partner."""
    films = []
    for title in ("渡口的黄昏", "盐井的清晨"):
        copy = film.with_name(f"{title}.mp4")
        copy.write_bytes(film.read_bytes() + len(title).to_bytes(1))
        made = set_.site.ingest(copy, title=title)
        films.append(Course(title, made["url"], made["assets"][0]["hls"]))
    told = shell(set_, PARTNER)
    return [
        Course(title, url) for title, url in told["courses"] if title not in {one.title for one in films}
    ] + films, told["token"]


def look(set_: Production, uploaded: dict[str, str], patience: float = 600) -> Found:
    """Lets the work come to its end, then compares the database, the store and the index."""
    end = time.monotonic() + patience
    while True:
        told = shell(set_, LOOK.format(uploaded=json.dumps(uploaded)))
        if not told["open"] or time.monotonic() > end:
            break
        time.sleep(3)
    problems = [f"lost upload: {one}" for one in told["lost"]] + [f"failed job: {one}" for one in told["failed"]]
    if told["open"]:
        problems.append(f"{told['open']} jobs never ended")
    if told["twice"] or told["deposits"] < len(uploaded):
        problems.append(f"{told['deposits']} deposits of {len(uploaded)} uploads, {told['twice']} of them twice")
    try:
        set_.site.manage("check_index")
    except run.CannotRun as differs:
        problems.append(f"the index differs from the database: {differs}")
    return Found(told["jobs"], told["repeated"], told["lost"], told["open"] + len(told["failed"]), problems)
