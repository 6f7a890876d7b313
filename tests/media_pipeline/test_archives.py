"""Archives of strangers: what is harmless comes out whole under its name, what is not is named with the reason."""

import stat
import unicodedata
import zipfile
from pathlib import Path

import pytest

from media_pipeline import archives
from media_pipeline.archives import Archive
from media_pipeline.errors import Refused
from media_pipeline.storage import LocalStore
from tests.media_pipeline.zips import changed, inner, with_raw_names, zipped

FILM = bytes(range(256)) * 40


def opened(path: Path) -> Archive:
    return Archive(LocalStore(path.parent), path.name)


def read(archive: Archive) -> dict[str, bytes]:
    return {entry.name: b"".join(archive.read(entry)) for entry in archive.entries}


def left(archive: Archive) -> dict[str, str]:
    return {one.name: one.reason for one in archive.left_out}


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_harmless_archive_comes_out_whole(tmp_path, method):
    files = [("课程/第1讲.mp4", FILM), ("课程/读本.pdf", b"%PDF-1.7"), ("空.mp4", b"")]
    archive = opened(zipped(tmp_path / "a.zip", files, method))
    assert read(archive) == dict(files)
    assert archive.left_out == []


def test_litter_and_folders_are_passed_over_without_a_word(tmp_path):
    names = ["__MACOSX/._a.mp4", ".DS_Store", "课/.DS_Store", "课/._b.mp4", "课/Thumbs.db", "课/", "课/a.mp4"]
    archive = opened(zipped(tmp_path / "a.zip", [(name, b"") for name in names]))
    assert [entry.name for entry in archive.entries] == ["课/a.mp4"]
    assert archive.left_out == []


def test_names_come_back_as_they_were_meant(tmp_path):
    path = zipped(tmp_path / "a.zip", [("gbk-name.mp4", b"1"), ("utf8-name-.mp4", b"2"), ("gbk\\abcd.mp4", b"3")])
    with_raw_names(
        path,
        {
            "gbk-name.mp4": "第一讲课".encode("gb18030") + b".mp4",
            "utf8-name-.mp4": "a苗绣b".encode() + b"cd.mp4",
            "gbk\\abcd.mp4": "课c".encode("gbk") + b"\\abcd.mp4",
        },
    )
    assert read(opened(path)) == {"第一讲课.mp4": b"1", "a苗绣bcd.mp4": b"2", "课c/abcd.mp4": b"3"}


def test_name_in_the_field_of_info_zip_counts(tmp_path):
    info = zipfile.ZipInfo("a.mp4")
    body = b"\x01" + archives.zlib.crc32(b"a.mp4").to_bytes(4, "little") + "傩戏.mp4".encode()
    info.extra = (0x7075).to_bytes(2, "little") + len(body).to_bytes(2, "little") + body
    assert list(read(opened(zipped(tmp_path / "a.zip", [(info, b"1")])))) == ["傩戏.mp4"]


def test_names_have_one_unicode_form(tmp_path):
    name = unicodedata.normalize("NFD", "Café-ガ.mp4")
    assert list(read(opened(zipped(tmp_path / "a.zip", [(name, b"1")])))) == ["Café-ガ.mp4"]


def test_large_offsets_of_zip64_are_read(tmp_path):
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive, archive.open("a.mp4", "w", force_zip64=True) as file:
        file.write(FILM)
    assert read(opened(path)) == {"a.mp4": FILM}


@pytest.mark.parametrize(
    "name", ["../a.mp4", "课/../../a.mp4", "/etc/a.mp4", "C:\\a.mp4", "c:a.mp4", "..\\a.mp4", "\\\\host\\a.mp4"]
)
def test_path_that_climbs_out_is_left_out(tmp_path, name):
    archive = opened(zipped(tmp_path / "a.zip", [(name, FILM), ("b.mp4", FILM)]))
    assert read(archive) == {"b.mp4": FILM}
    assert list(left(archive).values()) == ["路径指向压缩包之外"]


def test_link_is_left_out(tmp_path):
    link = zipfile.ZipInfo("a.mp4")
    link.create_system, link.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
    archive = opened(zipped(tmp_path / "a.zip", [(link, b"/etc/passwd"), ("b.mp4", FILM)]))
    assert read(archive) == {"b.mp4": FILM}
    assert "链接" in left(archive)["a.mp4"]


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"flags": 0x1}, "有密码"),
        ({"method": zipfile.ZIP_LZMA}, "压缩方法"),
        ({"method": 9}, "压缩方法"),
        ({"size": 99}, "写明的大小"),
        ({"packed": 2**31}, "重叠"),
        ({"offset": 40}, "重叠"),
    ],
)
def test_entry_that_lies_or_hides_is_left_out(tmp_path, fields, reason):
    path = zipped(tmp_path / "a.zip", [("a.mp4", FILM), ("b.mp4", FILM)])
    archive = opened(changed(path, "b.mp4", **fields))
    assert reason in left(archive)["b.mp4"]
    if "offset" not in fields:
        assert read(archive) == {"a.mp4": FILM}


def test_entries_that_share_bytes_are_all_left_out(tmp_path):
    path = zipped(tmp_path / "a.zip", [("a.mp4", FILM), ("b.mp4", FILM), ("c.mp4", FILM)])
    archive = opened(changed(path, "b.mp4", offset=0))
    assert set(left(archive)) == {"a.mp4", "b.mp4"}
    assert read(archive) == {"c.mp4": FILM}


@pytest.mark.parametrize("size", [len(FILM) - 1, len(FILM) + 1])
def test_size_that_lies_in_a_packed_entry_is_found_while_reading(tmp_path, size):
    path = zipped(tmp_path / "a.zip", [("a.mp4", FILM)], zipfile.ZIP_DEFLATED)
    archive = opened(changed(path, "a.mp4", size=size))
    with pytest.raises(Refused, match="entry-damaged"):
        read(archive)


def test_bytes_that_are_not_those_of_the_checksum_are_refused(tmp_path):
    path = zipped(tmp_path / "a.zip", [("a.mp4", FILM)])
    path.write_bytes(path.read_bytes().replace(FILM, FILM[::-1]))
    with pytest.raises(Refused, match="entry-damaged"):
        read(opened(path))


def test_bomb_is_left_out_and_what_is_small_may_shrink(tmp_path):
    files = [("bomb.mp4", bytes(archives.RATIO_FROM)), ("table.csv", bytes(200_000)), ("a.mp4", FILM)]
    archive = opened(zipped(tmp_path / "a.zip", files, zipfile.ZIP_DEFLATED))
    assert "压缩炸弹" in left(archive)["bomb.mp4"]
    assert set(read(archive)) == {"table.csv", "a.mp4"}


def test_archive_in_an_archive_is_not_opened(tmp_path):
    archive = opened(zipped(tmp_path / "a.zip", [("b.zip", inner()), ("c.RAR", b"Rar!"), ("d.mp4", FILM)]))
    assert set(left(archive)) == {"b.zip", "c.RAR"}
    assert read(archive) == {"d.mp4": FILM}


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_one_name_for_several_files_is_nobodys(tmp_path):
    twice = [("a.mp4", b"1"), ("a.mp4", b"2")]
    forms = [(unicodedata.normalize(form, "é.mp4"), b"3") for form in ("NFC", "NFD")]
    archive = opened(zipped(tmp_path / "a.zip", [*twice, *forms, ("b.mp4", b"4")]))
    assert read(archive) == {"b.mp4": b"4"}
    assert len(archive.left_out) == 4


@pytest.mark.parametrize("name", ["a\0b.mp4", "a\nb.mp4", "a\u202e4pm.mp4"])
def test_name_that_cannot_be_shown_is_left_out(tmp_path, name):
    info = zipfile.ZipInfo("x")
    info.filename = info.orig_filename = name
    archive = opened(zipped(tmp_path / "a.zip", [(info, b"1")]))
    assert archive.entries == []
    assert all(one.name.isprintable() for one in archive.left_out)


def test_more_entries_or_bytes_than_anybody_needs_are_refused(tmp_path, settings, monkeypatch):
    path = zipped(tmp_path / "a.zip", [("a.mp4", FILM), ("b.mp4", FILM), ("c.mp4", FILM)])
    settings.UPLOAD_MAX_BYTES = len(FILM)
    with pytest.raises(Refused, match="archive-large"):
        opened(path)
    settings.UPLOAD_MAX_BYTES = 2 * len(FILM)
    assert len(opened(path).entries) == 3
    monkeypatch.setattr(archives, "MOST_ENTRIES", 2)
    with pytest.raises(Refused, match="archive-many"):
        opened(path)
    monkeypatch.setattr(archives, "MOST_AT_ONCE", 100)
    with pytest.raises(Refused, match="archive-directory"):
        opened(path)


@pytest.mark.parametrize("cut", [1, 30, 3000])
def test_archive_that_was_cut_is_refused(tmp_path, cut):
    path = zipped(tmp_path / "a.zip", [("a.mp4", FILM)])
    path.write_bytes(path.read_bytes()[:-cut])
    with pytest.raises(Refused, match="archive-damaged"):
        opened(path)


def test_any_byte_may_be_wrong(tmp_path):
    """Whatever is changed, the archive is refused, or an entry is, or everything comes out as it was."""
    files = {"第一.mp4": FILM[:300], "b.pdf": b"%PDF-1.7" * 9}
    path = zipped(tmp_path / "a.zip", list(files.items()), zipfile.ZIP_DEFLATED)
    whole = path.read_bytes()
    for at in range(len(whole)):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 0xFF]) + whole[at + 1 :])
        try:
            came = read(opened(path))
        except Refused:
            continue
        assert set(came.values()) <= set(files.values())
