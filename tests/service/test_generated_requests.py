"""Requests made from the OpenAPI document, such as it allows and such as it does not (by schemathesis).

GENERATED_REQUESTS=n: how many for each operation and kind; the default makes more than 1,000 in all.
"""

import json
import os
from collections import Counter
from importlib import import_module
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from hypothesis import HealthCheck, Phase, given
from hypothesis import settings as hypothesis_settings

from app.runtime.kafka.clients import wait_for_broker
from app.runtime.kafka.topics import ensure_topics, topic_specs
from app.settings import Settings
from tests.service.process import ServiceProcess, service_process
from tests.service.projection import Projection
from tests.service.running import BASIC, BEARER, FORWARD_KEY, FORWARDING
from tests.service.strict_client import check_answer
from tools.openapi_document import document

# They have no types for the functions used here.
schemathesis: Any = import_module("schemathesis")
requests: Any = import_module("requests")

EACH = int(os.environ.get("GENERATED_REQUESTS", "25"))
KEYS = {"collect": BASIC, "push": FORWARDING | {"X-Amz-Firehose-Access-Key": FORWARD_KEY}}
GROWTH_MAX_BYTES = 48 << 20
QUIET = [HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large, HealthCheck.large_base_example]


@pytest.mark.long
@pytest.mark.timeout(900)  # a machine may be busy with other things
# If another service of these tests draws a random number in its thread, Hypothesis attributes it to a strategy.
@pytest.mark.filterwarnings("ignore:Do not use the `random` module")
async def test_whatever_is_asked_there_is_an_answer_and_a_reason(own_settings: Settings, tmp_path: Path) -> None:
    client = await wait_for_broker(own_settings)
    try:
        await ensure_topics(own_settings, client, topic_specs(own_settings, ()))
    finally:
        await client.close()
    projection = Projection(own_settings)
    await projection.begin()
    await projection.redis.aclose()
    with service_process(own_settings, tmp_path / "log") as service, requests.Session() as session:
        asking = Asking(service, session)
        asking.ask(2)
        before_bytes = service.memory_bytes()
        asked = asking.ask(EACH)
        grown_bytes = service.memory_bytes() - before_bytes
        print(f"{sum(asked.values())} requests: {dict(sorted(asked.items()))}; {grown_bytes >> 10} KB more")  # noqa: T201  # with -s
    assert grown_bytes < GROWTH_MAX_BYTES
    told = service.log.read_text()
    assert "Traceback" not in told, told


class Asking:
    """Asks a service whatever its document allows, and what it does not."""

    def __init__(self, service: ServiceProcess, session: Any) -> None:
        self._url = service.url
        self._session = session
        self._operations = [
            each.ok() for each in schemathesis.openapi.from_dict(json.loads(document())).get_all_operations()
        ]

    def ask(self, each: int) -> Counter[int]:
        """So many requests of each kind for each operation; how often each status was answered."""
        statuses: Counter[int] = Counter()
        mode = schemathesis.GenerationMode
        for operation in self._operations:
            for kind in (mode.POSITIVE, mode.NEGATIVE):
                try:
                    cases = operation.as_strategy(generation_mode=kind)
                    self._ask(cases, each, statuses)
                except CannotBeWrongError:
                    continue
        return statuses

    def _ask(self, cases: Any, count: int, statuses: Counter[int]) -> None:
        @hypothesis_settings(
            max_examples=count, deadline=None, database=None, phases=[Phase.generate], suppress_health_check=QUIET
        )
        @given(case=cases)
        def ask_one(case: Any) -> None:
            key = KEYS.get(case.operation.tags[0], BEARER)
            given_to = case.as_transport_kwargs(base_url=self._url, headers=dict(key))
            with self._session.request(**given_to, stream=True, timeout=30) as answer:
                statuses[answer.status_code] += 1
                if not answer.headers["content-type" if answer.status_code != 204 else "date"].startswith("text/event"):
                    path = urlsplit(answer.request.url).path
                    given_type = answer.headers.get("content-type")
                    check_answer(answer.request.method, path, answer.status_code, given_type, answer.content)
                assert answer.status_code < 500, (case.method, case.path, answer.text)
                if answer.status_code >= 400:
                    said = answer.json()
                    assert said["success"] is False
                    assert said["code"]
                    assert said["message"]

        ask_one()


CannotBeWrongError = import_module("hypothesis.errors").Unsatisfiable
