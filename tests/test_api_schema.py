"""The service does what its OpenAPI document says, whatever it is sent: Schemathesis with all its checks."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
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
