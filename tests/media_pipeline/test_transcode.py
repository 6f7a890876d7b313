"""The command, as it is called from outside."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from tests.media_pipeline import clips

ROOT = Path(__file__).resolve().parents[2]


def _transcode(*arguments, env):
    command = [sys.executable, "manage.py", "transcode", *map(str, arguments)]
    everything = {**os.environ, **env}
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False, env=everything)


def test_transcode_needs_no_database_and_prints_one_object(tmp_path):
    nowhere = {"DATABASE_URL": "postgres://nobody@127.0.0.1:1/none"}
    done = _transcode(clips.recording(), "--out", tmp_path, "--json", env=nowhere)
    assert done.returncode == 0, done.stderr
    (entry,) = json.loads(done.stdout)["files"]
    assert entry["state"] == "published"
    assert entry["reason"] is None
    assert Path(entry["hls"]).exists()
    assert Path(entry["dash"]).exists()
    assert {"spec", "bytes", "bitrate", "width", "height"} <= set(entry["renditions"][0])
    assert entry["cpu_seconds"] > 0
    assert entry["wall_seconds"] > 0
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


def test_transcode_tells_every_fate_and_fails_when_one_is_bad(tmp_path, capsys):
    bad = tmp_path / "课.mp4"
    bad.write_bytes(clips.pdf())
    with pytest.raises(CommandError):
        call_command("transcode", bad, clips.recording(), tmp_path / "gone.mp4", out=tmp_path / "out", as_json=True)
    files = json.loads(capsys.readouterr().out)["files"]
    assert [entry["state"] for entry in files] == ["rejected", "published", "rejected"]
    assert files[0]["reason"]["code"] == "wrong-extension"
    assert "课.mp4" in files[0]["reason"]["sentence"]
    assert files[2]["reason"]["code"] == "no-such-file"


def test_transcode_twice_is_the_same_place(tmp_path):
    for _ in range(2):
        call_command("transcode", clips.recording(), out=tmp_path)
    assert len(list(tmp_path.iterdir())) == 1


def test_transcode_names_an_unknown_profile(tmp_path):
    with pytest.raises(CommandError, match="radio"):
        call_command("transcode", clips.recording(), out=tmp_path, profile="radio")
