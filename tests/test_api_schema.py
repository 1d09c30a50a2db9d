"""The service does what its OpenAPI document says, whatever it is sent: Schemathesis with all its checks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.errors import FlakyStrategyDefinition, Unsatisfiable
from hypothesis.stateful import run_state_machine_as_test
from schemathesis import GenerationMode
from schemathesis.config import SchemathesisConfig

from tests.api import TALKERS, Api, serving

CONFIG = SchemathesisConfig.from_dict(
    {
        "checks": {
            # 501 is what the routes of engines that are not there say.
            "not_a_server_error": {"expected-statuses": ["2xx", "3xx", "4xx", "501"]},
            # A body may fit its schema and still name nodes, voices, files or cursors that are not there (400, 422).
            "positive_data_acceptance": {"expected-statuses": ["2xx", "304", "400", "404", "409", "415", "422", "501"]},
        }
    }
)


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    limits = {"rate": 1e6, "burst": 1_000_000, "body_s": 5}
    with serving(tmp_path_factory.mktemp("home"), TALKERS, require_keys="on", api=limits) as running:
        yield running


@pytest.fixture(scope="module")
def key(api: Api) -> str:
    return api.keys.create("tester", scopes=["admin"])[1]


@pytest.fixture(scope="module")
def document(api: Api) -> schemathesis.BaseSchema:
    whole = schemathesis.openapi.from_url(f"{api.url}/openapi.json", config=CONFIG)
    return whole.exclude(path="/v1/stream")  # it has no end that a check could wait for; test_api_stream.py reads it


@pytest.mark.parametrize("mode", list(GenerationMode), ids=lambda mode: mode.value)
def test_every_answer_is_as_documented(document, key, mode):
    failures = {}
    for found in document.get_all_operations():
        operation = found.ok()

        @settings(
            max_examples=12,
            deadline=None,
            database=None,
            derandomize=True,
            phases=[Phase.explicit, Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=operation.as_strategy(generation_mode=mode))
        def sent(case: schemathesis.Case) -> None:
            case.call_and_validate(headers={"Authorization": f"Bearer {key}"}, timeout=60)

        try:
            sent()
        except Unsatisfiable:  # nothing that could be wrong about it
            continue
        except (Exception, BaseExceptionGroup) as failure:  # noqa: BLE001  # all of them are shown at the end
            failures[operation.label] = str(failure)
    assert not failures, "\n\n".join(f"{label}\n{text}" for label, text in failures.items())


def test_what_is_made_can_be_used_and_what_is_deleted_is_gone(document, key):
    """Requests one after another, with the ids that earlier answers gave."""
    answers: Counter[int] = Counter()

    class Visitor(document.as_state_machine()):
        def get_call_kwargs(self, case: schemathesis.Case) -> dict[str, Any]:
            return {"headers": {"Authorization": f"Bearer {key}"}, "timeout": 60}

        def after_call(self, response: schemathesis.Response, case: schemathesis.Case) -> None:
            answers[response.status_code] += 1

    sessions = settings(
        max_examples=10,
        stateful_step_count=12,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    for number in range(4):
        # Hypothesis goes the same way twice at times; a service that remembers the first may lead elsewhere.
        with suppress(FlakyStrategyDefinition):
            run_state_machine_as_test(seed(number)(Visitor), settings=sessions)
    assert answers[200] + answers[201] + answers[202] + answers[204] > 50, answers
