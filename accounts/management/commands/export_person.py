"""``export_person PERSON --out FILE [--json]``: everything the library holds about somebody who cannot sign in."""

import json
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts import export
from accounts.people import by_name


class Command(BaseCommand):
    help = "Writes everything the library holds about one person into a ZIP file."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("person", help="user name, e-mail address or phone number")
        parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="the ZIP file; it must be new")
        parser.add_argument("--json", action="store_true", help="one JSON object on stdout")

    def handle(self, *args: Any, person: str, out: Path, **options: Any) -> None:
        found = by_name(person)
        try:
            with out.open("xb") as file:
                numbers = export.write(found, file)
        except FileExistsError as error:
            raise CommandError(f"{out} 已经存在：请换一个文件名。") from error
        except OSError as error:
            raise CommandError(f"写不了 {out}（{error.strerror}）：请检查目录和权限。") from error
        out.chmod(0o600)
        if options["json"]:
            self.stdout.write(json.dumps({"person": found.username, "out": str(out), "held": numbers}))
        else:
            self.stdout.write(f"{found.username} → {out}，{sum(numbers.values())} 条")
