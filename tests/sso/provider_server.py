"""A real provider of sign-ins by OpenID Connect, Django OAuth Toolkit: `python -m tests.sso.provider_server FD ISSUER`.

It listens at an open socket, calls itself ISSUER, and keeps all in memory. Standard input is JSON: `users` by name,
each with `email` and `is_verified`, and `clients` by id, each with `secret` and `redirect_uri`.
Every password is the name.
"""

import json
import socket
import sys
from typing import Any

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat


def _settings(issuer: str) -> dict[str, Any]:
    key = rsa.generate_private_key(65537, 2048)
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    template = "<form method=post>{% csrf_token %}{{ form }}<input type=hidden name=next value='{{ next }}'></form>"
    loader = ("django.template.loaders.locmem.Loader", {"registration/login.html": template})
    context = ["django.template.context_processors.request"]
    return {
        "SECRET_KEY": "of a test",
        "ALLOWED_HOSTS": ["127.0.0.1"],
        "ROOT_URLCONF": "tests.sso.provider_urls",
        "USE_TZ": True,
        "DATABASES": {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "file:idp?mode=memory&cache=shared"}},
        "INSTALLED_APPS": [
            "django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions", "oauth2_provider",
        ],
        "MIGRATION_MODULES": dict.fromkeys(("auth", "contenttypes", "sessions", "oauth2_provider")),  # tables at once
        "MIDDLEWARE": [
            "django.contrib.sessions.middleware.SessionMiddleware",
            "django.middleware.csrf.CsrfViewMiddleware",
            "django.contrib.auth.middleware.AuthenticationMiddleware",
        ],
        "TEMPLATES": [
            {
                "BACKEND": "django.template.backends.django.DjangoTemplates",
                "OPTIONS": {"loaders": [loader], "context_processors": context},
            }
        ],
        "PASSWORD_HASHERS": ["django.contrib.auth.hashers.MD5PasswordHasher"],
        "LOGIN_URL": "/login/",
        "OAUTH2_PROVIDER": {
            "OIDC_ENABLED": True,
            "OIDC_ISS_ENDPOINT": issuer,
            "OIDC_RSA_PRIVATE_KEY": pem,
            "PKCE_REQUIRED": True,
            "SCOPES": {"openid": "who", "email": "mail"},
            "OAUTH2_VALIDATOR_CLASS": "tests.sso.provider_urls.Validator",
        },
    }  # fmt: skip


def main() -> None:
    """Serve until the process is ended."""
    descriptor, issuer, told = int(sys.argv[1]), sys.argv[2], json.load(sys.stdin)
    import django
    from django.conf import settings

    settings.configure(**_settings(issuer))
    django.setup()
    from django.contrib.auth.models import User
    from django.core.management import call_command
    from django.core.wsgi import get_wsgi_application
    from oauth2_provider.models import Application
    from werkzeug.serving import make_server

    call_command("migrate", run_syncdb=True, verbosity=0)
    for name, user in told["users"].items():
        made = User.objects.create_user(name, user["email"], name)
        made.first_name = "verified" if user["is_verified"] else ""
        made.save()
    for client_id, client in told["clients"].items():
        Application.objects.create(
            client_id=client_id,
            client_secret=client["secret"],
            redirect_uris=client["redirect_uri"],
            client_type="confidential",
            authorization_grant_type="authorization-code",
            algorithm="RS256",
            skip_authorization=True,
        )
    with socket.socket(fileno=descriptor) as listener:
        host, port = listener.getsockname()
        make_server(host, port, get_wsgi_application(), threaded=True, fd=listener.fileno()).serve_forever()


if __name__ == "__main__":
    main()
