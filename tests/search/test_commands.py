"""The commands as an operator runs them: with no worker and no index yet."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

from catalog.models import Institution
from search.index import SMALL


@pytest.mark.django_db
def test_an_import_is_found_though_no_worker_runs(engine_name: str, tmp_path: Path, capsys: Any) -> None:
    Institution.add_root(code="town", name="城关镇社区学院")
    table = tmp_path / "courses.csv"
    with table.open("w", encoding="utf-8", newline="") as out:
        rows = csv.writer(out)
        rows.writerow(["编号", "标题", "类型", "简介", "链接"])
        for n in range(SMALL + 10):
            rows.writerow([f"n{n}", f"苗绣课 {n}", "链接", "一针一线", f"https://example.org/{n}"])
    call_command("import_courses", str(table), institution="town", publish=True, json=True)
    assert json.loads(capsys.readouterr().out)["published"] == SMALL + 10
    call_command("search_courses", "苗绣课", json=True)
    assert json.loads(capsys.readouterr().out)["total"] == SMALL + 10
    call_command("check_index")
