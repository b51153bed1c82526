"""Every setting, in the order of Django's documentation. Values of an installation come from the environment."""

from datetime import timedelta
from pathlib import Path
from urllib.parse import unquote, urlsplit

import dj_database_url
from django.core.exceptions import ImproperlyConfigured
from django.utils.translation import gettext_lazy as _

from config import beat, env

BASE_DIR = Path(__file__).resolve().parent.parent

# --- Core -----------------------------------------------------------------------------------------------
DEBUG = env.flag("DEBUG")
SECRET_KEY = env.text("SECRET_KEY")
FIELD_ENCRYPTION_KEY = env.text("FIELD_ENCRYPTION_KEY")  # accounts/secrets_at_rest.py
ALLOWED_HOSTS = env.words("ALLOWED_HOSTS", "127.0.0.1,localhost")
SITE_URL = env.text("SITE_URL", "http://127.0.0.1:8000").rstrip("/")

INSTALLED_APPS = [
    "accounts",
    "scheduling",
    "records",
    "messaging",
    "flows",
    "participants",
    "triggers",
    "running",
    "api",
    "web",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.usersessions",
    "django_celery_beat",
    "django_htmx",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
]

MIDDLEWARE = [
    "web.health.HealthMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "web.security.ContentSecurityPolicyMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "web.languages.PersonLanguageMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
]

ROOT_URLCONF = "config.urls"
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
                "web.frame.context",
            ],
            "builtins": ["web.templatetags.ui"],
        },
    }
]

# --- Database: every connection starts in a role that sees no account's row (accounts/tenancy.py) ----------
try:
    _database = dj_database_url.parse(
        env.text("DATABASE_URL"),
        engine="config.database",
        conn_max_age=60,
        conn_health_checks=True,
    )
except ValueError as error:
    raise ImproperlyConfigured(
        f"DATABASE_URL is not an address such as postgres://user:password@host:5432/name ({error})."
    ) from None
DATABASES = {
    "default": {
        **_database,
        "RESTRICTED_ROLE": env.text("DATABASE_RESTRICTED_ROLE", "flyt_tenant"),
    }
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

REDIS_URL = env.text("REDIS_URL")
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": REDIS_URL.replace("redis+socket://", "unix://"),
        "KEY_PREFIX": "flyt",
        "OPTIONS": {"socket_timeout": 2, "socket_connect_timeout": 2},
    }
}

# --- People ---------------------------------------------------------------------------------------------
AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["accounts.backend.Backend"]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "web:home"
LOGOUT_REDIRECT_URL = "account_login"
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": name, "OPTIONS": options}
    for name, options in (
        (
            "django.contrib.auth.password_validation.UserAttributeSimilarityValidator",
            {"user_attributes": ("email", "name")},
        ),
        ("accounts.passwords.MinimumLengthValidator", {"min_length": 12}),
        ("django.contrib.auth.password_validation.CommonPasswordValidator", {}),
    )
]
SESSION_COOKIE_AGE = 60 * 60 * 24 * 14
SESSION_COOKIE_SAMESITE = "Lax"

# django-allauth: what its pages do; where they are is in web/person_urls.py.
ACCOUNT_ADAPTER = "web.allauth_adapter.AccountAdapter"
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_FORMS = {
    "login": "web.entrance_forms.LogInForm",
    "signup": "web.entrance_forms.SignUpForm",
    "reset_password": "web.entrance_forms.ResetForm",
    "reset_password_from_key": "web.entrance_forms.NewPasswordForm",
    "change_password": "web.entrance_forms.ChangePasswordForm",
    "reauthenticate": "web.entrance_forms.PasswordAgainForm",
}
ACCOUNT_EMAIL_VERIFICATION = "optional"  # a newcomer starts at once; a notice stays until the address is confirmed
ACCOUNT_EMAIL_NOTIFICATIONS = True
ACCOUNT_EMAIL_SUBJECT_PREFIX = ""
ACCOUNT_PREVENT_ENUMERATION = True
ACCOUNT_SESSION_REMEMBER = True
# Failed passwords are counted by web/limits.py, which works without the cache too.
ACCOUNT_RATE_LIMITS = {"login": None, "login_failed": "10/900s/key", "confirm_email": "1/60s/key"}
MFA_ADAPTER = "accounts.second_factor.SecondFactor"
MFA_FORMS = {
    "authenticate": "web.entrance_forms.CodeForm",
    "reauthenticate": "web.entrance_forms.CodeAgainForm",
    "activate_totp": "web.entrance_forms.FirstCodeForm",
}
MFA_SUPPORTED_TYPES = ["totp", "recovery_codes"]
MFA_TOTP_TOLERANCE = 1  # a phone's clock may be 30 seconds off

# --- Languages and time -----------------------------------------------------------------------------------
LANGUAGE_CODE = "en"
LANGUAGES = [("en", _("English")), ("sv", _("Swedish")), ("nb", _("Norwegian Bokmål"))]
LOCALE_PATHS = [BASE_DIR / "locale"]
USE_I18N = True
USE_TZ = True
TIME_ZONE = "UTC"
TEST_CLOCK = env.flag("TEST_CLOCK")  # a movable clock for development and tests, see scheduling/clock.py

# --- Files ------------------------------------------------------------------------------------------------
STATIC_URL = "/static/"
STATIC_ROOT = BASE_DIR / "staticfiles"
STATICFILES_DIRS = [BASE_DIR / "static"]
STATIC_FROM_SOURCE = env.flag("STATIC_FROM_SOURCE", default=DEBUG)  # nothing collected, every change seen at once
WHITENOISE_USE_FINDERS = WHITENOISE_AUTOREFRESH = STATIC_FROM_SOURCE
WHITENOISE_MAX_AGE = 0 if STATIC_FROM_SOURCE else 60
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if STATIC_FROM_SOURCE
        else "whitenoise.storage.CompressedManifestStaticFilesStorage"
    },
}
DATA_UPLOAD_MAX_MEMORY_SIZE = 10 * 1024 * 1024
DATA_UPLOAD_MAX_NUMBER_FIELDS = 2_000
EVENT_RETENTION = timedelta(days=env.number("FLYT_EVENT_RETENTION_DAYS", 400))  # how long events are kept
# How long the log of what the steps did is kept; always for whoever is still on the way.
LOG_RETENTION = timedelta(days=env.number("FLYT_LOG_RETENTION_DAYS", 400, least=90))
# How long the same person may be due for the longest in a running flow before the flow counts as stuck.
STUCK_AFTER = timedelta(minutes=env.number("FLYT_STUCK_AFTER_MINUTES", 5, least=1))
IMPORT_MAX_BYTES = env.number("IMPORT_MAX_BYTES", 1024**3)

# --- E-mail -----------------------------------------------------------------------------------------------
_email = urlsplit(env.text("EMAIL_URL", "smtp://127.0.0.1:25"))
EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
EMAIL_HOST = _email.hostname or "127.0.0.1"
EMAIL_PORT = _email.port or (465 if _email.scheme == "smtps" else 25)
EMAIL_HOST_USER = unquote(_email.username or "")
EMAIL_HOST_PASSWORD = unquote(_email.password or "")
EMAIL_USE_SSL = _email.scheme == "smtps"
EMAIL_USE_TLS = _email.scheme == "smtp+tls"
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL = env.text("DEFAULT_FROM_EMAIL", "flyt@localhost")
INBOX_DIR = env.text("INBOX_DIR", "")  # where the local inbox of a development machine keeps its mail

# --- Security -----------------------------------------------------------------------------------------------
_https = SITE_URL.startswith("https://")
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = _https
BEHIND_PROXY = env.flag("BEHIND_PROXY")  # a proxy in front sets X-Forwarded-Proto and adds to X-Forwarded-For
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if BEHIND_PROXY else None
SECURE_SSL_REDIRECT = _https and BEHIND_PROXY
SECURE_HSTS_SECONDS = 31_536_000 if _https else 0
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "SAMEORIGIN"
CSRF_FAILURE_VIEW = "web.errors.csrf_failure"
METRICS_TOKEN = env.text("METRICS_TOKEN", "")  # without one only this machine reads /metrics, see web/metrics.py
SILENCED_SYSTEM_CHECKS: list[str] = []

# --- Background work ------------------------------------------------------------------------------------------
CELERY_BROKER_URL = REDIS_URL
CELERY_TASK_IGNORE_RESULT = True
CELERY_RESULT_EXPIRES = None  # nothing is kept, so beat needs no clean-up job of its own
CELERY_TASK_ACKS_LATE = False  # a lost hint is found again by the next tick; a doubled one only costs time
CELERY_TASK_DEFAULT_QUEUE = "default"
CELERY_TASK_ROUTES = ("accounts.tasks.route",)
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "socket_timeout": 5,
    "socket_connect_timeout": 2,
    "visibility_timeout": 3600,
}
CELERY_BEAT_SCHEDULER = "django_celery_beat.schedulers:DatabaseScheduler"
HOUSE_JOBS = beat.JOBS
CELERY_BEAT_MAX_LOOP_INTERVAL = 1
CELERY_TIMEZONE = "UTC"

# --- API ------------------------------------------------------------------------------------------------------
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["api.auth.ApiKeyAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["api.auth.HasRight"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "api.errors.answer",
    "UNAUTHENTICATED_USER": None,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Flyt",
    "DESCRIPTION": "Marketing automation: records, flows, schedules and the people in them.",
    "VERSION": "1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
    "SERVE_AUTHENTICATION": [],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "ENUM_NAME_OVERRIDES": {
        "BatchMatch": "records.rows.MATCHES",
        "FlowStatus": "flows.models.FlowStatus",
        "ImportStatus": "records.models.ImportStatus",
        "Match": "api.record_shapes.MATCHES",
        "ListKind": "records.models.ListKind",
        "MessageStatus": "messaging.models.MessageStatus",
        "OccurrenceKind": "triggers.models.OccurrenceKind",
        "OccurrenceStatus": "triggers.models.OccurrenceStatus",
        "ParticipantStatus": "participants.models.ParticipantStatus",
        "PropertyType": "records.models.PropertyType",
    },
}

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"plain": {"()": "config.logs.Plain", "format": "%(asctime)s %(levelname)s %(name)s %(message)s"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "plain"}},
    "root": {"handlers": ["console"], "level": "INFO"},
}
