"""News that the catalogue sends upward."""

from django.dispatch import Signal

courses_changed = Signal()
"""Courses were made, changed, published, withdrawn or deleted, or what they show became ready. Sent inside the
transaction of the change, with ``ids: list[int]``; receivers that read must wait for the commit."""

course_saved = Signal()
"""One course was saved as a whole, with its lessons, themes, places and teachers. Sent inside the transaction of the
change, with ``course: Course``; for the catalogue itself, which answers with ``courses_changed``."""
