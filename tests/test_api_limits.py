"""Bodies that are too large, too slow, too deep or no JSON are refused before any route sees them."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.api import SUM, Api, ended, serving, submit
from tests.lab import link, number

JSON = {"Content-Type": "application/json"}


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    with serving(tmp_path_factory.mktemp("home"), api={"body_s": 1, "rate": 10_000, "burst": 10_000}) as running:
        yield running


@pytest.fixture(scope="module")
def client(api: Api) -> Iterator[httpx.Client]:
    with api.client() as opened:
        yield opened


def refusal(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


def test_100_mb_of_json_are_refused_unread(client):
    assert refusal(client.post("/v1/jobs", content=b"[" * 100_000_000, headers=JSON)) == (413, "body_too_large")


def test_100_mb_of_json_of_untold_size_are_refused_while_they_come(client):
    pieces = (b'"' + b"x" * 1_000_000 for _ in range(100))
    assert refusal(client.post("/v1/jobs", content=pieces, headers=JSON)) == (413, "body_too_large")


@pytest.mark.parametrize("depth", [65, 150, 100_000])
@pytest.mark.parametrize("text", ["[]", '{"a":}'])
def test_deeply_nested_json_is_refused(client, depth, text):
    opening, closing = (text[:-1], text[-1])
    body = opening * depth + ("1" if "{" in text else "") + closing * depth
    assert refusal(client.post("/v1/jobs", content=body, headers=JSON)) == (422, "json_too_deep")


def test_the_deepest_json_that_is_allowed_is_read(client):
    body = {"graph": SUM | {"nodes": {"a": number(1) | {"params": {"value": 1, "x": json.loads("[" * 58 + "]" * 58)}}}}}
    assert refusal(client.post("/v1/jobs", json=body)) == (422, "bad_graph")


@pytest.mark.parametrize(
    "body", [b"{", b"\xff\xfe", b'{"graph": NaN}', b'{"a": "\\ud800"}', b"{} {}", b"9" * 5000, b'{"a": Infinity}']
)
def test_what_is_no_json_is_refused(client, body):
    assert refusal(client.post("/v1/jobs", content=body, headers=JSON)) == (400, "bad_json")


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", ""]
)
def test_a_body_that_is_not_called_json_is_not_read_as_json(client, kind):
    answer = client.post("/v1/jobs", content=b"{}", headers={"Content-Type": kind} if kind else {})
    assert refusal(answer) == (415, "unsupported_media_type")


@pytest.mark.parametrize("path", ["/v1/jobs", "/v1/uploads"])
def test_a_body_that_drips_is_given_up(api, path):
    form = path == "/v1/uploads"
    kind = "multipart/form-data; boundary=x" if form else "application/json"
    start = '--x\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n' if form else "{"
    head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: {kind}\r\nContent-Length: 5000\r\n\r\n{start}"
    with socket.create_connection(api.address, timeout=30) as connection:
        connection.sendall(head.encode())
        answer = b""
        connection.settimeout(0.2)
        until = time.monotonic() + 30
        while b"body_too_slow" not in answer and time.monotonic() < until:
            try:
                answer += connection.recv(65536)
                connection.sendall(b" ")
            except TimeoutError:
                connection.sendall(b" ")
    assert answer.startswith(b"HTTP/1.1 408")


def test_a_graph_of_10_000_nodes_is_taken_and_one_more_is_not(client):
    nodes = {f"n{number_}": number(number_ % 7) for number_ in range(9_999)}
    nodes["sum"] = {"type": "toy_sum", "inputs": {"numbers": [link(name) for name in nodes]}}
    graph = {"nodes": nodes, "outputs": {"sum": link("sum")}}
    client.post("/v1/queue/pause")  # running it is another test's matter
    job = submit(client, graph)
    assert len(client.get(f"/v1/jobs/{job}").json()["nodes"]) == 10_000
    client.post(f"/v1/jobs/{job}/cancel")
    assert ended(client, job)["state"] == "cancelled"
    client.post("/v1/queue/resume")
    more = {"nodes": nodes | {"n": number(1)}, "outputs": {"sum": link("sum"), "n": link("n")}}
    answer = client.post("/v1/jobs", json={"graph": more})
    assert refusal(answer) == (422, "too_many_nodes")


def test_each_of_10_000_faults_is_named(client):
    nodes = {f"n{n}": {"type": f"toy_numbre{n}"} for n in range(10_000)}
    answer = client.post("/v1/jobs", json={"graph": {"nodes": nodes, "outputs": {"o": link("n1")}}})
    faulty = {fault["node"] for fault in answer.json()["details"] if fault["code"] == "unknown_type"}
    assert faulty == set(nodes)


names = st.sampled_from(["a", "b", "c", "d/e", "..", "", "x y", "a" * 101, "\x00", "__proto__"])
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
links = st.fixed_dictionaries({"node": names, "output": st.sampled_from(["number", "text", "", "x"])}) | values
types = st.sampled_from(["toy_number", "toy_add", "toy_sum", "toy_double", "toy_file", "load_image", "nope", ""])
specs = (
    st.fixed_dictionaries(
        {"type": types},
        optional={
            "params": st.dictionaries(st.sampled_from(["value", "content", "artifact", "diary"]), values, max_size=2),
            "inputs": st.dictionaries(
                st.sampled_from(["left", "right", "number", "numbers"]), links | st.lists(links, max_size=2), max_size=2
            ),
            "after": st.lists(names, max_size=2),
            "cache": st.sampled_from(["use", "off", "never"]),
            "engine": st.dictionaries(st.sampled_from(["script", "x"]), st.text(max_size=5), max_size=1),
            "priority": st.integers(-200, 200),
            "timeout_s": st.floats(-1, 10),
        },
    )
    | values
)
graphs = st.fixed_dictionaries(
    {"nodes": st.dictionaries(names, specs, max_size=4) | values},
    optional={"outputs": st.dictionaries(names, links, max_size=2) | values, "name": st.text(max_size=5), "x": values},
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(graph=graphs)
def test_any_graph_is_taken_and_runs_or_is_refused_with_its_faults(client, graph):
    answer = client.post("/v1/jobs", json={"graph": graph})
    if answer.status_code == 202:
        assert ended(client, answer.json()["id"])["state"] in ("succeeded", "failed")
    else:
        assert answer.status_code in (400, 422), answer.text
        if answer.json()["code"] == "bad_graph":
            assert answer.json()["details"]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(shape=st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)), min_size=1, max_size=30))
def test_any_graph_whose_links_lead_backwards_runs(client, shape):
    nodes = {"n0": number(1)}
    for place, (left, right) in enumerate(shape, start=1):
        ends = {"left": link(f"n{left % place}"), "right": link(f"n{right % place}")}
        nodes[f"n{place}"] = {"type": "toy_add", "inputs": ends}
    graph = {"nodes": nodes, "outputs": {name: link(name) for name in nodes}}
    assert ended(client, submit(client, graph))["state"] == "succeeded"
