"""Taking a backup while uploads and edits go on.

First the dump, then the objects that it names. Objects are written before the rows that name them, so they are there;
what is written after the dump is left for the next backup. Keys are immutable: a key, a size and a time of writing that
the backup holds already are not copied again.

Between dump and copy an object may be removed (a course is deleted, a film replaced). Then something is absent that the
dump names, and the round is repeated: a new dump, and only what changed is copied. What a second dump still names and
the store still has not is lost there: it is told, and where an earlier backup in this directory holds it, its file
stays. The same holds for an original whose bytes are no longer those of its row.

The manifest is written last. A run that is killed leaves the backup before it as it was; its finished files are read
once by the next run, and then count as copied. Files that the new manifest does not name are removed after it stands.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from django.db import connection
from django.utils import timezone

from cms.backups import databases, manifest, objects
from cms.backups.manifest import DATABASE, UPLOADS, Entry, Head, Manifest
from cms.backups.objects import Named, Place
from cms.backups.vault import Damaged, Measure, Report, Vault
from media_pipeline.storage import Stored

DUMP = "wenlan"
ROUNDS = 3  # something is removed in each of them only where people delete all day long


@dataclass(frozen=True, slots=True)
class Taken:
    """What a backup came to: files written by this run and their bytes, files that were there, files that are of no use
    any more, and keys that the store has lost or changed while the backup holds them as they were."""

    manifest: Manifest
    copied: int
    copied_bytes: int
    kept: int
    removed: int
    rescued: list[str]

    @property
    def is_whole(self) -> bool:
        """Whether all that the database names is in it, as it was."""
        return not (self.manifest.head.missing or self.manifest.head.damaged)


@dataclass(slots=True)
class _Round:
    """One dump, and the objects it names."""

    time: str
    named: Named
    rows: dict[str, int]
    migrations: dict[str, str]
    entries: dict[Place, Entry] = field(default_factory=dict)
    damaged: list[str] = field(default_factory=list)
    rescued: list[str] = field(default_factory=list)

    def absent(self) -> list[str]:
        return self.named.absent(set(self.entries))

    def manifest(self, vendor: str) -> Manifest:
        entries = list(self.entries.values())
        size = sum(entry.bytes for entry in entries)
        told = Head(self.time, vendor, self.migrations, self.rows, len(entries), size, self.absent(), self.damaged)
        return Manifest(told, entries)


def take(root: Path, *, plain: bool = False, report: Report) -> Taken:
    """Bring the backup in ``root`` up to now. Raises Trouble, errors.Failed, OSError and the database's errors."""
    vault = Vault.to_write(root, plain=plain)
    with vault.locked(alone=True):
        before = manifest.read(vault)
        run = _Run(vault, {entry.place: entry for entry in before.objects} if before else {}, report)
        done = run.until_settled()
        run.carry(done)
        made = done.manifest(connection.vendor)
        manifest.write(vault, made)
        removed = vault.keep_only({entry.file for entry in made.entries})
    copied = [entry.bytes for entry in made.entries if entry.file in run.written]
    kept = len(made.entries) - len(copied)
    return Taken(made, len(copied), sum(copied), kept, removed, sorted(done.rescued))


class _Run:
    """Copies into a vault what it does not hold. ``known``: by place, what it holds; ``written``: files of this run."""

    def __init__(self, vault: Vault, known: dict[Place, Entry], report: Report) -> None:
        self.vault = vault
        self.known = known
        self.report = report
        self.written: set[str] = set()

    def until_settled(self) -> _Round:
        """Rounds until nothing is absent, or the same twice."""
        done = self._round()
        for _ in range(ROUNDS - 1):
            absent = done.absent()
            if not absent:
                break
            done = self._round()
            if done.absent() == absent:
                break
        return done

    def carry(self, done: _Round) -> None:
        """Take over from the backup before what the store has lost."""
        for place, entry in self.known.items():
            if place not in done.entries and done.named.names(place) and self._holds(entry):
                done.entries[place] = entry
                done.rescued.append(entry.key)

    def _round(self) -> _Round:
        done = self._dump()
        size = 0
        for area, item in objects.walk():
            if area == UPLOADS or done.named.names((area, item.key)):
                entry = self._object(done, area, item)
                if entry is not None:
                    done.entries[entry.place] = entry
                    size += entry.bytes
                    self.report("文件", size)
        return done

    def _dump(self) -> _Round:
        now = timezone.now().isoformat()
        name = self.vault.name(DATABASE, DUMP, now)
        with databases.dumping() as (chunks, cursor):
            measure = self._write(name, _told(chunks, self.report))
            done = _Round(now, objects.named(cursor), databases.rows(cursor), databases.last_migrations(cursor))
        done.entries[DATABASE, DUMP] = self._entry(DATABASE, DUMP, now, name, measure)
        return done

    def _object(self, done: _Round, area: str, item: Stored) -> Entry | None:
        """None when it went meanwhile."""
        place = (area, item.key)
        old, right = self.known.get(place), done.named.hashes.get(place)
        try:
            new = self._kept(old, item) or self._copied(area, item)
        except FileNotFoundError:
            return None
        if new.bytes != item.bytes:
            return None
        if right and new.sha256 != right:
            if old and old.sha256 == right and self._holds(old):
                done.rescued.append(item.key)
                return old
            done.damaged.append(item.key)
        self.known[place] = new
        return new

    def _kept(self, old: Entry | None, item: Stored) -> Entry | None:
        same = old is not None and (old.bytes, old.modified) == (item.bytes, item.modified.isoformat())
        return old if old is not None and same and self._holds(old) else None

    def _copied(self, area: str, item: Stored) -> Entry:
        modified = item.modified.isoformat()
        name = self.vault.name(area, item.key, modified)
        measure = self._left_behind(name, item.bytes) or self._write(name, objects.read(area, item.key, item.bytes))
        return self._entry(area, item.key, modified, name, measure)

    def _left_behind(self, name: str, size: int) -> Measure | None:
        """A whole copy by a run that was killed; no manifest knows its hash."""
        try:
            measure = self.vault.read(name)
        except Damaged:
            return None
        return measure if measure.bytes == size else None

    def _write(self, name: str, chunks: Iterator[bytes]) -> Measure:
        measure = self.vault.write(name, chunks)
        self.written.add(name)
        return measure

    def _entry(self, area: str, key: str, modified: str, name: str, measure: Measure) -> Entry:
        return Entry(area, key, measure.bytes, measure.sha256, modified, name, self.vault.size(name))

    def _holds(self, entry: Entry) -> bool:
        return self.vault.size(entry.file) == entry.stored


def _told(chunks: Iterator[bytes], report: Report) -> Iterator[bytes]:
    size = 0
    for chunk in chunks:
        size += len(chunk)
        report("数据库", size)
        yield chunk
