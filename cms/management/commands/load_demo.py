"""``load_demo [--films N] [--json] [--force]``: the demo library, its pages and its users."""

import json
import logging
import time
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from cms.demo import loading, pages, tasks
from cms.demo.content import Library, library
from cms.setup import ensure_everything

ROLES = {
    "editor": "中心编辑：全部课程与页面",
    "reviewer": "审核员：重庆各机构送审的内容",
    "partner": "合作机构：黔江区社区学院",
    "learner": "学员",
}


class Command(BaseCommand):
    help = "Load the demo library. Its films are made by the worker afterwards; a second run changes nothing."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--films", type=int, default=None, metavar="N", help="make at most N films (default: all)")
        parser.add_argument("--json", action="store_true", help="one JSON object on standard output")
        parser.add_argument("--force", action="store_true", help="also in production, where its password is a danger")

    def handle(self, *args: Any, films: int | None, force: bool, **options: Any) -> None:
        if settings.PRODUCTION and not force:
            raise CommandError("演示库带有公开的演示密码，不能装进正式站点。确需如此请加 --force，并立即修改密码。")
        logging.getLogger("wagtail").setLevel(logging.WARNING)  # it tells of every page and version
        started = time.monotonic()
        ensure_everything()
        loaded = loading.load(library())
        with transaction.atomic():
            loaded.pages = pages.load_pages(library().pages)
        queued = enqueue(loaded.wanted, library(), films)
        report = {
            "created": loaded.created,
            "updated": loaded.updated,
            "unchanged": loaded.unchanged,
            "pages": loaded.pages,
            "media_queued": queued,
            "seconds": round(time.monotonic() - started, 1),
            "users": [{"username": name, "password": loading.PASSWORD, "role": role} for name, role in ROLES.items()],
        }
        self.stdout.write(json.dumps(report, ensure_ascii=False) if options["json"] else told(report))


def enqueue(wanted: list[loading.Media], library: Library, films: int | None) -> int:
    """Queues what is not waiting already, at most ``films`` films; how many pieces were queued."""
    kinds = {course.id: course.kind for course in library.courses}
    lessons = [media for media in wanted if kinds[media[0]] != "video"]
    all_films = [media for media in wanted if kinds[media[0]] == "video"]
    chosen = set(lessons) | set(all_films[:films])
    known = tasks.waiting()
    due = [media for media in wanted if media in chosen and media not in known]
    for course_id, number in due:
        tasks.make_media.enqueue(course_id, number)
    return len(due)


def told(report: dict[str, Any]) -> str:
    lines = [
        f"演示库：新建 {report['created']} 门，更新 {report['updated']} 门，未变 {report['unchanged']} 门，"
        f"页面 {report['pages']}，待制作媒体 {report['media_queued']} 件（{report['seconds']} 秒）",
        "仅供演示的登录：",
    ]
    lines += [f"  {user['username']:<9} {user['password']}  {user['role']}" for user in report["users"]]
    return "\n".join(lines)
