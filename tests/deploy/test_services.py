"""The real servers answer, and each test has its own part of them."""

from pathlib import Path

import pytest
import redis
from elasticsearch import Elasticsearch
from kombu import Connection

from deploy import services
from tests.conftest import s3_client, s3_endpoint


def test_postgres_gives_each_test_an_empty_database(new_database):
    import psycopg

    first, second = new_database(), new_database()
    with psycopg.connect(first.replace("postgres://", "postgresql://")) as connection:
        connection.execute("CREATE TABLE only_here (n int)")
    with psycopg.connect(second.replace("postgres://", "postgresql://")) as connection:
        found = connection.execute("SELECT count(*) FROM pg_tables WHERE tablename = 'only_here'").fetchone()
    assert found == (0,)


def test_s3_gives_each_test_an_empty_bucket(s3_url):
    client, bucket = s3_client(s3_endpoint(s3_url)), s3_url.removeprefix("s3://").partition("?")[0]
    assert client.list_objects_v2(Bucket=bucket)["KeyCount"] == 0
    client.put_object(Bucket=bucket, Key="a/b", Body=b"wenlan")
    assert client.get_object(Bucket=bucket, Key="a/b", Range="bytes=1-3")["Body"].read() == b"enl"


def test_elasticsearch_indexes_under_the_prefix(elasticsearch_url, index_prefix):
    client = Elasticsearch(elasticsearch_url)
    client.index(index=f"{index_prefix}-a", id="1", document={"title": "苗绣"}, refresh=True)
    assert client.count(index=f"{index_prefix}-*")["count"] == 1


def test_redis_starts_empty(redis_url):
    client = redis.from_url(redis_url)
    assert client.dbsize() == 0
    client.set("left", "behind")


def test_rabbitmq_delivers(amqp_url):
    with Connection(amqp_url) as connection:
        queue = connection.SimpleQueue("test-services")
        queue.put({"lesson": 3})
        message = queue.get(timeout=10)
        message.ack()
        queue.close()
    assert message.payload == {"lesson": 3}


def test_stopping_ends_the_processes_and_removes_the_data():
    server = services.launch("redis")
    assert server.alive
    services.stop_server(server)
    assert not server.alive
    assert not Path(server.home).exists()


def test_a_missing_server_is_named_with_its_remedy(monkeypatch):
    monkeypatch.setattr(services.components.Redis, "find", lambda self: None)
    with pytest.raises(services.Missing, match="apt install redis-server"):
        services.launch("redis")
