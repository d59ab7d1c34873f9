"""All over TLS, with a user and a password: Kafka by SASL, Redis by rediss://; and what is said if it is wrong."""

import asyncio
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from agents import memberships
from app.embedded import EmbeddedRedis
from app.errors import UserError
from app.main import create_app
from app.runtime.kafka.clients import wait_for_broker
from app.settings import Settings
from tests.service.conftest import settings_for
from tests.service.running import BEARER, serving
from tests.support.certificates import Certificates, make_certificates
from tests.support.kafka_jars import KafkaUnavailableError
from tests.support.kafka_node import KafkaNode, free_ports
from tests.support.shop import running, soon

PASSWORD = "a password for tests only"


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return make_certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="module")
def bootstrap_servers(certificates: Certificates, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of a Kafka with TLS and SASL."""
    (port,) = free_ports(1)
    login = f'org.apache.kafka.common.security.plain.PlainLoginModule required user_shoal="{PASSWORD}";'
    settings = {
        "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SASL_SSL:SASL_SSL",
        "sasl.enabled.mechanisms": "PLAIN",
        "listener.name.sasl_ssl.plain.sasl.jaas.config": login,
        "ssl.keystore.type": "PEM",
        "ssl.keystore.location": str(certificates.server),
    }
    listener = f"SASL_SSL://127.0.0.1:{port}"
    try:
        node = KafkaNode(tmp_path_factory.mktemp("kafka"), settings=settings, more_listeners=[listener])
    except KafkaUnavailableError as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(str(error))
    with node:
        yield f"127.0.0.1:{port}"


@asynccontextmanager
async def behind_tls(redis: EmbeddedRedis, certificates: Certificates) -> AsyncIterator[str]:
    """The address of a Redis that is spoken to over TLS."""
    there = urlsplit(redis.url)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        from_redis, to_redis = await asyncio.open_connection(there.hostname, there.port)
        await asyncio.gather(_pass_on(reader, to_redis), _pass_on(from_redis, writer))

    context = certificates.server_context()
    async with await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context) as server:
        port = server.sockets[0].getsockname()[1]
        yield f"rediss://127.0.0.1:{port}/0?ssl_ca_certs={certificates.authority}"


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while chunk := await reader.read(65_536):
            writer.write(chunk)
            await writer.drain()
    except ConnectionError:
        pass
    finally:
        writer.close()


def secured(bootstrap_servers: str, redis_url: str, unique: str, certificates: Certificates, **given: Any) -> Settings:
    named: dict[str, Any] = {
        "kafka_security": "sasl-ssl",
        "kafka_username": "shoal",
        "kafka_password": PASSWORD,
        "kafka_ca_file": str(certificates.authority),
    }
    return settings_for(bootstrap_servers, redis_url, unique, **(named | given))


@pytest.mark.kafka
@pytest.mark.long
async def test_an_event_becomes_a_membership_and_nothing_is_sent_in_the_clear(
    bootstrap_servers: str, embedded_redis: EmbeddedRedis, unique: str, certificates: Certificates
) -> None:
    async with behind_tls(embedded_redis, certificates) as redis_url:
        settings = secured(bootstrap_servers, redis_url, unique, certificates)
        keeper = memberships.create_app(settings)
        async with serving(settings) as service, running(create_app(settings)), running(keeper):
            for _ in range(2):
                assert (await service.track("ann", "Product Viewed")).status_code == 200

            async def is_in() -> bool:
                answer = await service.http.get("/v1/users/ann/segments", headers=BEARER)
                return answer.status_code == 200 and [each["segment"] for each in answer.json()["segments"]] == [
                    "viewers"
                ]

            await soon(is_in)


@pytest.mark.kafka
@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"kafka_password": "another"}, "Invalid username or password"),
        ({"kafka_ca_file": ""}, "unable to get local issuer certificate"),
        ({"kafka_security": "plaintext"}, "wants TLS"),
    ],
    ids=["password", "authority", "plain"],
)
async def test_who_is_not_let_in_is_told_why(
    bootstrap_servers: str, unique: str, certificates: Certificates, given: dict[str, str], said: str
) -> None:
    settings = secured(bootstrap_servers, "", unique, certificates, start_timeout_ms=1_000, **given)
    with pytest.raises(UserError, match="no Kafka broker answers") as told:
        await wait_for_broker(settings)
    text = f"{told.value} {told.value.detail} {told.value.hint}"
    assert said in text
    assert PASSWORD not in text


def test_a_file_of_certificates_that_is_not_there_is_named(tmp_path: Path) -> None:
    settings = settings_for("127.0.0.1:1", "", "x", kafka_security="ssl", kafka_ca_file=str(tmp_path / "none.pem"))
    with pytest.raises(UserError, match=r"none\.pem"):
        asyncio.run(wait_for_broker(settings))
