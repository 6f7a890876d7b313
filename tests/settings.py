"""The settings of the tests: the defaults, with all files in a directory of their own."""

import os
import tempfile

os.environ.setdefault("WENLAN_VAR", tempfile.mkdtemp(prefix="wenlan-tests-"))

from config.settings import *

if DATABASES["default"]["ENGINE"].endswith("sqlite3"):  # a file, as on a real site: one in memory locks whole tables
    DATABASES["default"]["TEST"] = {"NAME": str(VAR_DIR / "test.sqlite3")}
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
STATIC_ROOT.mkdir(exist_ok=True)  # whitenoise looks into it
SEARCH_LOG_DAYS = 0  # a thread would write what one test asked into the database of the next; tests of it say so
