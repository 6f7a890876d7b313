"""Migrations never break the release that runs while they are made: they expand, and the next release contracts.

The code of before goes on reading and writing for some minutes on the tables of after. So a release may add a table,
an index, a column that may be empty or that the database fills (``db_default``; the old code's INSERT lacks it).
What it no longer uses is taken away by the release after: RemoveField, DeleteModel. To rename: add, copy, remove.
"""

import pytest
from django.db import migrations, models
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.operations.base import Operation

from tests.test_docs import ROOMS

RELEASED = {
    "accounts": "0002_device_link",
    "catalog": "0007_deliveries_in_order",
    "cms": "0007_nightly_audit",
    "learning": "0004_figures",
    "media_pipeline": "0005_job_request",
    "search": "0003_retries_and_rebuild_lease",
}
"""The last migration of each room that was made before the first release; what follows them keeps the rule."""

CONTRACTS = {
    # "room.migration": "the release whose code was the last to use what is taken away",
}


REASONS = {
    (migrations.RemoveField, migrations.DeleteModel): (
        "takes away what the running release reads; name it in CONTRACTS once no release uses it"
    ),
    (migrations.RenameField, migrations.RenameModel, migrations.AlterModelTable): (
        "renames what the running release reads: add, copy, and remove one release later"
    ),
    (migrations.RunSQL,): "is SQL that nothing here can judge; name it in CONTRACTS when the running release bears it",
}
UNWRITTEN = "the running release writes rows without it: null=True or db_default"


def breaks(operation: Operation) -> str:
    """Why the release of before would not bear this operation; "" when it would."""
    if isinstance(operation, migrations.SeparateDatabaseAndState):
        return next(filter(None, map(breaks, operation.database_operations)), "")
    if isinstance(operation, (migrations.AddField, migrations.AlterField)):
        field = operation.field
        stands = field.many_to_many or field.null or field.primary_key or field.has_db_default()
        return "" if stands else UNWRITTEN
    return next((why for kinds, why in REASONS.items() if isinstance(operation, kinds)), "")


def new_migrations() -> dict[str, migrations.Migration]:
    found = MigrationLoader(None).disk_migrations
    return {f"{room}.{name}": one for (room, name), one in found.items() if room in ROOMS and name > RELEASED[room]}


def test_new_migrations_do_not_break_the_running_release():
    told = [
        f"{name}, {operation.describe()}: {why}"
        for name, migration in new_migrations().items()
        if name not in CONTRACTS
        for operation in migration.operations
        if (why := breaks(operation))
    ]
    assert not told, "\n".join(told)


def test_the_baseline_names_migrations_that_exist():
    assert set(RELEASED.items()) <= set(MigrationLoader(None).disk_migrations)


TEXT = models.CharField(max_length=9)


@pytest.mark.parametrize(
    ("operation", "sound"),
    [
        (migrations.AddField("course", "x", TEXT), False),
        (migrations.AddField("course", "x", models.CharField(max_length=9, default="")), False),
        (migrations.AddField("course", "x", models.CharField(max_length=9, default="", db_default="")), True),
        (migrations.AddField("course", "x", models.CharField(max_length=9, null=True)), True),
        (migrations.AddField("course", "x", models.ManyToManyField("self")), True),
        (migrations.AlterField("course", "x", TEXT), False),
        (migrations.RemoveField("course", "x"), False),
        (migrations.RenameField("course", "x", "y"), False),
        (migrations.RenameModel("Course", "Work"), False),
        (migrations.DeleteModel("Course"), False),
        (migrations.RunSQL("SELECT 1"), False),
        (migrations.SeparateDatabaseAndState(state_operations=[migrations.RemoveField("course", "x")]), True),
        (migrations.SeparateDatabaseAndState(database_operations=[migrations.RemoveField("course", "x")]), False),
        (migrations.CreateModel("New", [("x", TEXT)]), True),
        (migrations.AddIndex("course", models.Index(fields=["title"], name="i")), True),
    ],
    ids=lambda value: value.describe() if isinstance(value, Operation) else str(value),
)
def test_the_rule_knows_what_breaks(operation, sound):
    assert (breaks(operation) == "") is sound
