"""Signing in with an OpenID Connect provider: a real server on loopback, and the way of a browser between the two."""

import socket
from urllib.parse import urlsplit

import pytest
import requests
from oidc_provider_mock import User as Somebody
from oidc_provider_mock import run_server_in_thread

from accounts.models import User

pytestmark = pytest.mark.django_db


@pytest.fixture
def provider():
    """Its address. Anybody may register there, and whoever is named signs in."""
    somebody = Somebody(sub="alice", claims={"email": "alice@example.cn", "name": "爱丽丝"})
    with run_server_in_thread(user_claims=[somebody]) as server:
        yield f"http://127.0.0.1:{server.server_port}"


@pytest.fixture
def configured(settings, provider):
    app = {"provider_id": "oidc", "name": "浙里办", "client_id": "wenlan", "secret": "s3cret"}
    app["settings"] = {"server_url": provider}
    settings.SOCIALACCOUNT_PROVIDERS = {"openid_connect": {"OAUTH_PKCE_ENABLED": True, "APPS": [app]}}
    return provider


def walk_through(client, next_=""):
    """The way there and back; the answer of our callback."""
    start = client.post(f"/accounts/oidc/oidc/login/?process=login&next={next_}")
    assert start.status_code == 302
    answer = requests.post(start.url, data={"sub": "alice"}, allow_redirects=False, timeout=20)
    back = urlsplit(answer.headers["Location"])
    assert back.path == "/accounts/oidc/oidc/login/callback/"
    return client.get(f"{back.path}?{back.query}")


def test_person_signs_in_with_the_provider_and_is_the_same_the_next_time(client, configured):
    assert "浙里办" in client.get("/accounts/login/").content.decode()
    assert walk_through(client, "/shelf/").url == "/shelf/"
    user = User.objects.get()
    assert client.session["_auth_user_id"] == str(user.pk)
    assert (user.email, user.display_name) == ("alice@example.cn", "爱丽丝")
    assert not user.has_usable_password()
    client.logout()
    walk_through(client)
    assert User.objects.get() == user


def test_address_of_somebody_here_does_not_open_that_account(client, configured):
    here = User.objects.create_user("alice", "alice@example.cn", "x")
    answer = walk_through(client)
    assert answer.url == "/accounts/3rdparty/signup/"
    assert "_auth_user_id" not in client.session
    assert client.get(answer.url).status_code == 200
    assert User.objects.get() == here


def test_refusal_of_the_provider_is_told(client, configured):
    start = client.post("/accounts/oidc/oidc/login/?process=login")
    state = dict(pair.split("=") for pair in urlsplit(start.url).query.split("&"))["state"]
    answer = client.get(f"/accounts/oidc/oidc/login/callback/?error=server_error&state={state}")
    assert "没有登录" in answer.content.decode()


def test_without_a_provider_nothing_is_offered(client):
    assert "oidc" not in client.get("/accounts/login/").content.decode()
    assert client.get("/accounts/oidc/oidc/login/").status_code == 404


@pytest.mark.parametrize("silent", [False, True])
def test_provider_that_is_away_leads_back_to_the_sign_in(client, settings, silent):
    """A closed port, and one that takes the connection and never answers."""
    settings.SOCIALACCOUNT_REQUESTS_TIMEOUT = 0.5
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1] if silent else 9
        app = {"provider_id": "oidc", "name": "浙里办", "client_id": "wenlan", "secret": "s3cret"}
        app["settings"] = {"server_url": f"http://127.0.0.1:{port}"}
        settings.SOCIALACCOUNT_PROVIDERS = {"openid_connect": {"OAUTH_PKCE_ENABLED": True, "APPS": [app]}}
        answer = client.post("/accounts/oidc/oidc/login/?process=login", follow=True)
    assert answer.redirect_chain[-1][0] == "/accounts/login/"
    assert "请用密码登录" in answer.content.decode()
