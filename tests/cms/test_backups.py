"""Backup and restore as an operator runs them: real commands between real databases and stores."""

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from pyrage.x25519 import Identity

from deploy.run import MANAGE, ROOT
from tests.cms.commands import Commands, Place
from tests.media_pipeline import clips
from tests.running import OURS

KEY, OTHER_KEY = str(Identity.generate()), str(Identity.generate())

FILL = """
import io
from django.core.files.images import ImageFile
from PIL import Image as Picture
from wagtail.images.models import Image
from accounts.models import User
User.objects.create_superuser("operator", "o@example.cn", "a-long-word-of-theirs")
data = io.BytesIO()
Picture.new("RGB", (40, 30), "red").save(data, "PNG")
Image.objects.create(title="门楼", file=ImageFile(data, "gate.png"))
"""
PLAY = """
import hashlib, json, re
from django.test import Client
from media_pipeline.models import MediaAsset
from media_pipeline.playback import playback
seen, found = {}, [playback(MediaAsset.objects.get(title="film")).hls]
while found:
    path = found.pop().partition("?")[0]
    answer = Client(SERVER_NAME="localhost").get(path)
    body = b"".join(answer.streaming_content) if answer.streaming else answer.content
    assert answer.status_code == 200, (path, answer.status_code)
    seen[path] = hashlib.sha256(body).hexdigest()
    if path.endswith(".m3u8"):
        folder = path.rpartition("/")[0]
        names = re.findall(r'URI="([^"]+)"', body.decode()) + re.findall(r"^[^#\\s].*$", body.decode(), re.M)
        found += [f"{folder}/{name}" for name in names if f"{folder}/{name}" not in seen]
print(json.dumps(seen))
"""


def objects(site: Place) -> dict[str, str]:
    """SHA-256 by key of what a backup must hold."""
    folders = {"media": ("originals", "packages"), "uploads": ("original_images", "images", "documents")}
    return {
        item.key: hashlib.sha256(store.open(item.key).read()).hexdigest()
        for area, store in site.stores.items()
        for folder in folders[area]
        for item in store.walk(folder)
    }


NewPlace = Callable[..., Place]


@pytest.fixture(scope="module", params=["sqlite and disk", "postgres and s3"])
def new_place(request, tmp_path_factory) -> Iterator[NewPlace]:
    """Makes empty sites of one kind of database; ``other_store`` gives it the store of the other kind."""
    postgres = request.param == "postgres and s3"
    database = request.getfixturevalue("new_database") if postgres else lambda: ""
    bucket = request.getfixturevalue("new_bucket")
    commands = Commands(database())

    def make(*, other_store: bool = False) -> Place:
        store = bucket() if postgres != other_store else ""
        return Place(commands, tmp_path_factory.mktemp("var"), KEY, database(), store)

    yield make
    commands.stop()


@pytest.fixture(scope="module")
def library(new_place) -> Place:
    """A site with a person, a picture of the desk and a film that plays."""
    made = new_place()
    made.run("migrate", "-v", "0")
    made.shell(FILL)
    made.run("ingest", str(clips.film()), "--title", "剪纸", "--publish")
    return made


@pytest.fixture(scope="module")
def kept(library, tmp_path_factory) -> Path:
    """A backup of the library, never written to again."""
    root = tmp_path_factory.mktemp("backup")
    library.told("backup", str(root))
    return root


@pytest.fixture
def backup(kept, tmp_path) -> Path:
    """A copy of it to be spoilt."""
    return Path(shutil.copytree(kept, tmp_path / "backup"))


def files(root: Path) -> dict[str, float]:
    return {path.name: path.stat().st_mtime_ns for path in (root / "files").rglob("*") if path.is_file()}


def largest(root: Path) -> Path:
    return max((path for path in (root / "files").rglob("*") if path.is_file()), key=lambda path: path.stat().st_size)


# There and back -------------------------------------------------------------------------------------------------------
def test_a_restored_site_is_the_site_that_was(library, kept, new_place):
    other = new_place()
    told = other.told("restore", str(kept))
    assert told["agrees"]
    assert told["put"] == told["files"] - 1 == len(objects(library))
    assert objects(other) == objects(library)
    assert other.rows() == library.rows()
    assert other.shell(PLAY) == library.shell(PLAY)
    assert len(json.loads(library.shell(PLAY))) > 3
    assert [hit["title"] for hit in other.told("search_courses", "jianzhi")["hits"]] == ["剪纸"]


def test_nothing_in_the_directory_can_be_read_without_the_key(kept):
    assert (kept / "manifest.jsonl.age").read_bytes().startswith(b"age-encryption.org/v1\n")
    for path in (kept / "files").rglob("*.age"):
        assert path.read_bytes().startswith(b"age-encryption.org/v1\n")
    assert not [path for path in kept.rglob("*") if "gate" in path.name or "source" in path.name]


def test_a_backup_without_a_key_goes_back_too_and_production_asks_for_it(library, new_place, tmp_path):
    production = {"PRODUCTION": True, "BACKUP_KEY": ""}
    assert "BACKUP_KEY" in library.run("backup", str(tmp_path / "b"), code=1, **production)["err"]
    assert library.told("backup", str(tmp_path / "b"), "--plain", **production)["copied"] > 3
    other = new_place()
    assert other.told("restore", str(tmp_path / "b"), BACKUP_KEY="")["agrees"]
    assert objects(other) == objects(library)
    assert "没有加密的备份" in library.run("backup", str(tmp_path / "b"), code=1)["err"]


def test_objects_go_back_to_the_other_kind_of_store(library, kept, new_place):
    other = new_place(other_store=True)
    assert other.told("restore", str(kept))["agrees"]
    assert objects(other) == objects(library)
    again = other.told("restore", str(kept), "--replace")
    assert (again["put"], again["agrees"]) == (0, True)


# Only what is new -----------------------------------------------------------------------------------------------------
def test_the_next_backup_copies_only_what_is_new_and_drops_what_is_gone(library, backup):
    first = files(backup)
    again = library.told("backup", str(backup))
    assert (again["copied"], again["kept"], again["removed"]) == (1, again["files"] - 1, 1)  # the dump
    assert len(files(backup).items() & first.items()) == len(first) - 1
    uploads = library.stores["uploads"]
    uploads.put_bytes(b"a new document", "documents/new.txt", "text/plain")
    try:
        more = library.told("backup", str(backup))
    finally:
        uploads.delete("documents/new.txt")
    assert (more["copied"], more["removed"], more["files"]) == (2, 1, again["files"] + 1)
    less = library.told("backup", str(backup))
    assert (less["copied"], less["removed"], less["files"]) == (1, 2, again["files"])


KILLED = """
import os, signal
from django.core.management import call_command
from media_pipeline import storage
read = storage.LocalStore.read_range
def read_range(self, key, start, end, **more):
    if key.endswith("b.bin"):
        yield b"half"
        os.kill(os.getpid(), signal.SIGKILL)
    yield from read(self, key, start, end, **more)
storage.LocalStore.read_range = read_range
call_command("backup", "ROOT")
"""


def test_a_killed_run_leaves_the_backup_before_it_and_is_taken_up(library, backup, new_place):
    """Killed while it copies the second of two new files."""
    folder = library.var / "uploads" / "documents"
    folder.mkdir(exist_ok=True)
    was, before = objects(library), (backup / "manifest.jsonl.age").read_bytes()
    try:
        for name in ("a.bin", "b.bin"):
            (folder / name).write_bytes(os.urandom(300_000))
        library.shell(KILLED.replace("ROOT", str(backup)), code=-signal.SIGKILL)
        assert [path for path in backup.rglob(".*") if path.is_file()]  # the half of b.bin
        assert (backup / "manifest.jsonl.age").read_bytes() == before
        other = new_place()
        assert other.told("restore", str(backup))["agrees"]
        assert objects(other) == was
        told = library.told("backup", str(backup))
        assert told["copied"] == 2  # the dump and b.bin; a.bin was whole
        assert library.told("restore", str(backup), "--check")["files"] == told["files"]
        assert not [path for path in backup.rglob(".*") if path.is_file()]
    finally:
        shutil.rmtree(folder)


# While people work ----------------------------------------------------------------------------------------------------
REMOVED_MEANWHILE = """
import threading
from django.core.management import call_command
from media_pipeline import pipeline, storage
from media_pipeline.models import MediaAsset
from cms.backups import taking

asset = MediaAsset.objects.create(owner="", title="走", filename="a.bin", bytes=3, state="rejected")
asset.original_key = f"originals/{asset.uid.hex}/source.bin"
storage.store().put_bytes(b"abc", asset.original_key, "video/mp4")
asset.save()
walk = taking.objects.walk
def people_work():
    if MediaAsset.objects.filter(pk=asset.pk).exists():  # between the dump and the copy
        asset.delete()
        pipeline.forget(asset.uid)
        MediaAsset.objects.create(owner="", title="来", filename="b.bin", state="rejected")
taking.objects.walk = lambda: (people_work(), walk())[1]
try:
    call_command("backup", "ROOT", json=True)
finally:
    MediaAsset.objects.filter(title="来").delete()
"""


def test_what_is_removed_between_dump_and_copy_is_not_named_by_the_dump_that_is_kept(library, tmp_path, new_place):
    told = json.loads(library.shell(REMOVED_MEANWHILE.replace("ROOT", str(tmp_path / "b"))))
    assert (told["missing"], told["damaged"]) == ([], [])
    other = new_place()
    assert other.told("restore", str(tmp_path / "b"))["agrees"]
    assert {title for (title,) in other.ask("SELECT title FROM media_pipeline_mediaasset")} == {"film", "来"}


def test_what_the_store_loses_or_spoils_stays_in_the_backup(library, backup):
    store = library.stores["media"]
    original = next(store.list("originals"))
    whole = store.open(original).read()
    try:
        store.delete(original)
        told = library.told("backup", str(backup))
        assert (told["rescued"], told["missing"]) == ([original], [])
        store.put_bytes(whole[:-1] + b"!", original, "application/octet-stream")
        told = library.told("backup", str(backup))
        assert (told["rescued"], told["damaged"]) == ([original], [])
        empty = backup.with_name("empty")
        assert library.told("backup", str(empty), code=1)["damaged"] == [original]
        store.delete(original)
        assert library.told("backup", str(empty.with_name("other")), code=1)["missing"] == [original]
        assert library.told("restore", str(backup), "--replace")["agrees"]
        assert store.open(original).read() == whole
    finally:
        store.put_bytes(whole, original, "application/octet-stream")


# What cannot be restored ----------------------------------------------------------------------------------------------
def refused(site: Place, root: Path, *words: str, **settings: str) -> str:
    return site.run("restore", str(root), *words, code=1, **settings)["err"]


def test_another_key_or_none_is_told(library, kept):
    assert "密钥不对" in refused(library, kept, "--check", BACKUP_KEY=OTHER_KEY)
    assert "BACKUP_KEY_FILE" in refused(library, kept, "--check", BACKUP_KEY="")
    assert "AGE-SECRET-KEY-1" in refused(library, kept, "--check", BACKUP_KEY="open sesame")
    assert "密钥不对" in library.run("backup", str(kept), code=1, BACKUP_KEY=OTHER_KEY)["err"]


def test_a_key_is_read_from_a_file_as_age_keygen_writes_it(library, kept, tmp_path):
    file = tmp_path / "key.txt"
    file.write_text(f"# created: 2026-11-27\n# public key: age1…\n{KEY}\n")
    more = {"BACKUP_KEY": "", "BACKUP_KEY_FILE": str(file)}
    assert library.told("restore", str(kept), "--check", **more)["files"] > 3
    file.unlink()
    assert str(file) in refused(library, kept, "--check", **more)


@pytest.mark.parametrize("how", ["changed", "cut", "gone"])
def test_a_spoilt_file_stops_a_restore_before_anything_is_touched(backup, new_place, how):
    path, other = largest(backup), new_place()
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    {"changed": lambda: path.write_bytes(data), "cut": lambda: path.write_bytes(data[:-1000]), "gone": path.unlink}[
        how
    ]()
    said = refused(other, backup)
    assert path.name in said
    assert {"changed": "损坏", "cut": "截断", "gone": "不见了"}[how] in said
    assert other.rows() == {}
    assert objects(other) == {}


def test_a_spoilt_manifest_and_an_empty_directory_are_told(library, backup, tmp_path):
    manifest = backup / "manifest.jsonl.age"
    manifest.write_bytes(manifest.read_bytes()[:-20])
    assert "manifest.jsonl.age" in refused(library, backup, "--check")
    assert "没有完整的备份" in refused(library, tmp_path / "nothing")


def test_a_database_with_work_in_it_is_replaced_only_when_told(library, kept, new_place):
    other = new_place()
    other.told("restore", str(kept))
    other.shell("from accounts.models import User; User.objects.create_user('newcomer')")
    assert "--replace" in refused(other, kept)
    assert other.ask("SELECT count(*) FROM accounts_user WHERE username = 'newcomer'") == [(1,)]
    assert other.told("restore", str(kept), "--replace")["agrees"]
    assert other.rows() == library.rows()


def test_a_backup_of_a_newer_version_is_told(library, tmp_path):
    library.ask(
        "INSERT INTO django_migrations (app, name, applied) VALUES ('catalog', '9999_later', CURRENT_TIMESTAMP)"
    )
    try:
        library.told("backup", str(tmp_path / "b"))
    finally:
        library.ask("DELETE FROM django_migrations WHERE name = '9999_later'")
    assert "catalog.9999_later" in refused(library, tmp_path / "b", "--replace")


def test_what_came_out_otherwise_is_said(library, kept, new_place):
    """A store that loses what was put into it."""
    other = new_place()
    lost = "originals/" + next(key for key in objects(library) if key.startswith("originals/")).partition("/")[2]
    script = (
        "from cms.backups import databases, restoring\n"
        "from django.core.management import call_command\n"
        "from media_pipeline import storage\n"
        "rows = databases.current_rows\n"
        "def current_rows():\n"
        f"    storage.store().delete({lost!r})\n"
        "    return rows() | {'accounts_user': 7}\n"
        "databases.current_rows = current_rows\n"
        f"call_command('restore', {str(kept)!r})\n"
    )
    said = other.run(script=script, code=1)
    assert f"与备份不同：{lost}" in said["out"]
    assert "accounts_user：备份里 1，现在 7" in said["out"]


def test_one_at_a_time(library, backup):
    holder = (
        f"import fcntl, os, sys; fcntl.flock(os.open({str(backup)!r}, os.O_RDONLY), fcntl.LOCK_EX); print(); input()"
    )
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen([sys.executable, "-c", holder], **pipes) as running:
        running.stdout.readline()
        assert "正被" in library.run("backup", str(backup), code=1)["err"]
        running.communicate("\n")


def test_a_missing_program_is_told_with_its_package(new_place, tmp_path):
    site = new_place()
    if not site.database_url:
        pytest.skip("SQLite needs no program")
    script = (
        "import os, pathlib\n"
        "from cms.backups import databases\n"
        "from django.core.management import call_command\n"
        "os.environ['PATH'], databases.PROGRAMS = '', pathlib.Path('/nowhere')\n"
        f"call_command('backup', {str(tmp_path / 'b')!r})\n"
    )
    assert "postgresql-client-" in site.run(script=script, code=1)["err"]


def test_a_site_that_still_runs_is_to_be_stopped_first(kept, new_place):
    site = new_place()
    if not site.database_url:
        pytest.skip("SQLite's readers do not stand in the way")
    site.told("restore", str(kept))
    was = site.rows()
    with psycopg.connect(site.database_url.replace("postgres://", "postgresql://")) as reader:
        reader.execute("SELECT * FROM accounts_user")  # and its transaction stays open
        assert "请先停下" in refused(site, kept, "--replace")
    assert site.rows() == was


def test_the_commands_read_their_settings(tmp_path):
    """As an operator starts them: from the environment, in production, with nothing in it."""
    clean = {key: value for key, value in os.environ.items() if not key.startswith((*OURS, "BACKUP_"))}
    production = {
        "WENLAN_ENV": "production",
        "SECRET_KEY": "s" * 60,
        "ALLOWED_HOSTS": "x.cn",
        "PUBLIC_URL": "https://x.cn",
    }
    env = clean | production | {"DATABASE_URL": f"sqlite:///{tmp_path}/a.sqlite3", "WENLAN_VAR": str(tmp_path)}
    env["BACKUP_KEY_FILE"] = str(tmp_path / "no-such-key")
    command = [*MANAGE, "backup", str(tmp_path / "b")]
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False)
    assert (done.returncode, "Traceback" in done.stderr) == (1, False)
    assert "no-such-key" in done.stderr
