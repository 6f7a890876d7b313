"""Phone numbers: nobody is asked for one without a gateway; with one, people sign up and in by code."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import urllib3

from accounts import phones


def test_walked_with_a_gateway():
    env = {key: value for key, value in os.environ.items() if not key.startswith(("PYTEST_", "WENLAN_VAR"))}
    env["SMS_URL"] = "http://127.0.0.1:9/"
    words = ["-m", "pytest", "-q", "-p", "no:cacheprovider", str(Path(__file__).with_name("with_phones.py"))]
    done = subprocess.run([sys.executable, *words], env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-3000:]


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/accounts/login/", "/accounts/signup/", "/accounts/password/reset/"])
def test_without_a_gateway_nobody_is_asked_for_a_number(client, path):
    page = client.get(path).content.decode()
    assert "手机号" not in page
    assert 'class="slipform"' in page


def test_silent_gateway_is_not_waited_for_longer_than_seconds(settings, monkeypatch):
    assert (phones.PATIENCE.connect_timeout, phones.PATIENCE.read_timeout) == (3.0, 10.0)
    monkeypatch.setattr(phones, "PATIENCE", urllib3.Timeout(connect=0.3, read=0.3))
    with socket.create_server(("127.0.0.1", 0)) as silent:
        settings.SMS_URL, settings.SMS_TOKEN = f"http://127.0.0.1:{silent.getsockname()[1]}/", ""
        with pytest.raises(phones.NotSent, match="ReadTimeout"):
            phones.post("+8613800138000", "x")
