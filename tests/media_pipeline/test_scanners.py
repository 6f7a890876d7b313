"""A look for malware before anything is made."""

import sys
from io import StringIO

import pytest
from django.core.management import call_command
from django.core.management.base import SystemCheckError

from media_pipeline import intake, jobs, scanners
from media_pipeline.errors import Failed, Refused
from media_pipeline.models import AssetState
from tests.media_pipeline import clips


@pytest.fixture
def source(tmp_path):
    path = tmp_path / "课 程.mp4"
    path.write_bytes(b"bytes")
    return path


def _program(settings, tmp_path, code):
    program = tmp_path / "scan.py"
    program.write_text(code)
    settings.MEDIA_SCANNER = "media_pipeline.scanners.command"
    settings.MEDIA_SCANNER_COMMAND = f"{sys.executable} {program} {{file}}"


def test_without_a_scanner_every_file_passes(source, settings):
    settings.MEDIA_SCANNER = ""
    scanners.scan(source, source.name)


def test_clean_file_passes(source, settings, tmp_path):
    _program(settings, tmp_path, "import sys; open(sys.argv[1]).read()")
    scanners.scan(source, source.name)


def test_find_is_refused_by_its_name(source, settings, tmp_path):
    _program(settings, tmp_path, "import sys; print(sys.argv[1] + ': Eicar-Test FOUND'); sys.exit(1)")
    with pytest.raises(Refused) as refused:
        scanners.scan(source, source.name)
    assert refused.value.code == "malware"
    assert "（Eicar-Test）" in refused.value.sentence


@pytest.mark.parametrize("code", ["raise SystemExit(2)", "import os; os.abort()"])
def test_what_was_not_looked_at_is_not_let_through(source, settings, tmp_path, code):
    _program(settings, tmp_path, code)
    with pytest.raises(Failed):
        scanners.scan(source, source.name)


def test_missing_program_is_our_failure(source, settings):
    settings.MEDIA_SCANNER, settings.MEDIA_SCANNER_COMMAND = "media_pipeline.scanners.command", "/nowhere/scan {file}"
    with pytest.raises(Failed):
        scanners.scan(source, source.name)


@pytest.mark.django_db
def test_upload_with_a_find_is_rejected_before_anything_is_made(local_store, settings, tmp_path):
    _program(settings, tmp_path, "import sys; print('Eicar-Test FOUND'); sys.exit(1)")
    asset = intake.receive_file(clips.recording(), owner="a")
    jobs.run_until_done([asset])
    asset.refresh_from_db()
    assert (asset.state, asset.reason_code) == (AssetState.REJECTED, "malware")
    assert not asset.packages.exists()
    assert list(local_store.list("packages/")) == []


@pytest.mark.parametrize("setting", ["MEDIA_SCANNER", "TRANSCRIBER"])
@pytest.mark.parametrize(("path", "command"), [("no.such.module", "x"), ("{shipped}", "/nowhere/x"), ("{shipped}", "")])
def test_check_names_a_plug_that_fits_nowhere(settings, setting, path, command):
    room = {"MEDIA_SCANNER": "scanners", "TRANSCRIBER": "transcribers"}[setting]
    setattr(settings, setting, path.format(shipped=f"media_pipeline.{room}.command"))
    setattr(settings, f"{setting}_COMMAND", command)
    with pytest.raises(SystemCheckError, match=setting):
        call_command("check", "--tag", "media", stdout=StringIO())
