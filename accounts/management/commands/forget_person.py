"""``forget_person PERSON [--yes] [--even-if-needed] [--json]``: closes the account of somebody who cannot sign in."""

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts import leaving
from accounts.people import by_name


class Command(BaseCommand):
    help = "Closes a person's account: what is the person's is deleted, what stays names nobody."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("person", help="user name, e-mail address or phone number")
        parser.add_argument("--yes", action="store_true", help="do not ask")
        parser.add_argument("--even-if-needed", action="store_true", help="also the last one of an institution")
        parser.add_argument("--json", action="store_true", help="one JSON object on stdout")

    def handle(self, *args: Any, person: str, yes: bool, even_if_needed: bool, **options: Any) -> None:
        found = by_name(person)
        name = found.username
        if not yes and input(f"注销 {name}（{found.get_full_name()}），不能恢复。请再写一次用户名：") != name:
            raise CommandError("没有注销：两次写的用户名不一样。")
        try:
            leaving.forget(found, by_force=even_if_needed)
        except leaving.MayNotLeave as error:
            raise CommandError(f"{error}\n（一定要注销：加上 --even-if-needed。）") from error
        self.stdout.write(json.dumps({"forgotten": name}) if options["json"] else f"{name} 已注销。")
