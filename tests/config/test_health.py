"""Health and figures say the truth, to the right people."""

import pytest

from deploy import services


@pytest.mark.django_db
def test_live_and_ready_answer_on_the_embedded_parts(client):
    assert client.get("/health/live").json() == {"status": "ok"}
    answer = client.get("/health/ready")
    assert answer.status_code == 200
    told = answer.json()
    assert told["status"] == "ok"
    assert told["parts"] == {"database": "ok", "search": "ok", "storage": "ok", "tasks": "ok"}
    assert told["since"].keys() == told["parts"].keys()
    assert "no-store" in answer.headers["Cache-Control"]


@pytest.mark.django_db
def test_ready_tells_a_dead_search_and_broker_but_stays(client, settings):
    settings.SEARCH_URL, settings.TASKS_URL = "http://127.0.0.1:9", "amqp://127.0.0.1:9//"
    answer = client.get("/health/ready")
    assert answer.status_code == 200
    assert answer.json()["status"] == "degraded"
    assert answer.json()["parts"] == {"database": "ok", "search": "down", "storage": "ok", "tasks": "down"}
    assert client.get("/health/ready").json()["since"] == answer.json()["since"]
    assert client.get("/health/ready?strict=1").status_code == 503
    assert b"127.0.0.1" not in answer.content


@pytest.mark.django_db
def test_ready_finds_the_real_search_and_broker(client, settings, elasticsearch_url, amqp_url):
    settings.SEARCH_URL, settings.TASKS_URL = elasticsearch_url, amqp_url
    assert client.get("/health/ready?strict=1").json()["status"] == "ok"


@pytest.mark.django_db
def test_ready_follows_a_broker_that_goes_and_comes(client, settings):
    server = services.launch("redis")
    settings.TASKS_URL = server.url
    try:
        up = client.get("/health/ready").json()
        assert up["parts"]["tasks"] == "ok"
    finally:
        services.stop_server(server)
    gone = client.get("/health/ready").json()
    assert gone["parts"]["tasks"] == "down"
    assert gone["since"]["tasks"] >= up["since"]["tasks"]
    assert gone["since"]["search"] == up["since"]["search"]


@pytest.mark.django_db
def test_metrics_count_requests_and_work(client):
    client.get("/health/live")
    text = client.get("/metrics").content.decode()
    assert 'wenlan_requests_total{method="GET",status="200",view="health_live"}' in text
    assert 'wenlan_job_oldest_seconds{queue="media"} 0.0' in text
    assert "wenlan_courses_public 0.0" in text


@pytest.mark.django_db
def test_metrics_ask_for_the_token_when_there_is_one(client, settings):
    settings.METRICS_TOKEN = "a-token"
    assert client.get("/metrics").status_code == 401
    assert client.get("/metrics", headers={"authorization": "Bearer wrong"}).status_code == 401
    assert client.get("/metrics", headers={"authorization": "Bearer a-token"}).status_code == 200


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/health/live", "/health/ready", "/metrics"])
def test_machines_may_ask_by_address(client, settings, path):
    settings.ALLOWED_HOSTS, settings.PUBLIC_URL = ["wenlan.example.cn"], "https://wenlan.example.cn"
    settings.SECURE_SSL_REDIRECT = True
    assert client.get(path, headers={"host": "10.2.3.4:8000"}).status_code == 200
    assert client.get("/", headers={"host": "10.2.3.4:8000"}).status_code == 400
