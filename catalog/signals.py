"""News that the catalogue sends upward."""

from django.dispatch import Signal

courses_changed = Signal()
"""Courses were made, changed, published, withdrawn or deleted, or what they show became ready. Sent inside the
transaction of the change, with ``ids: list[int]``; receivers that read must wait for the commit."""

courses_shown = Signal()
"""Courses became public, or a new version of public ones did, in whatever way. Sent inside the transaction of the
change, with ``ids: list[int]``."""

courses_hidden = Signal()
"""Courses that were public are so no more. Sent as ``courses_shown`` is; a deleted course is told by its own end."""

course_saved = Signal()
"""One course was saved as a whole, with its lessons, themes, places and teachers. Sent inside the transaction of the
change, with ``course: Course``; for the catalogue itself, which answers with ``courses_changed``."""

import_ended = Signal()
"""A command has imported a table, and all of it is committed. Whoever keeps something made from courses brings it up to
date before the command ends, so that nothing depends on a worker that may not run."""

lessons_merged = Signal()
"""A course is about to be merged into another. Sent inside the transaction, before the first is deleted, with
``kept: Course``, ``gone: Course`` and ``lessons: dict[int, int]``: lessons that go → the lessons that stay instead."""
