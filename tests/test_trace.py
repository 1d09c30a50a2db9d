"""A job's trace tells where its time went, in a format that trace viewers load."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from spinbot.graphs.trace import Trace, trace
from spinbot.store.jobs import Job
from tests.lab import Lab, add, link, number
from tests.test_jobs_cli import spinbot


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    lab = Lab(tmp_path_factory.mktemp("home"), "local")
    yield lab
    lab.close()


@pytest.fixture(scope="module")
def job(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Job:
    """A cached node, a retried one, an engine to load, and an expansion."""
    lab.run({"a": number(5)})
    flaky = {"diary": str(tmp_path_factory.mktemp("diary") / "tries"), "failures": 1}
    nodes = {
        "a": number(5),
        "flaky": {"type": "toy_flaky", "params": flaky, "retry": {"backoff_s": 0.05}},
        "sum": add("a", "flaky"),
        "all": {"type": "toy_double_all", "inputs": {"number": link("sum")}},
    }
    job = lab.run(nodes, "all")
    assert job.state == "succeeded", job.error
    return job


def traced(lab: Lab, job: Job) -> Trace:
    return trace(lab.jobs.get(job.id), lab.jobs.events(job.id))


def rows(document: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    return [event for event in document["traceEvents"] if event["ph"] == kind]


def test_the_document_is_in_the_trace_event_format(lab, job):
    document = json.loads(json.dumps(traced(lab, job).document()))
    assert {event["ph"] for event in document["traceEvents"]} == {"M", "X", "i"}
    named = {(event["pid"], event["tid"]) for event in rows(document, "M") if event["name"] == "thread_name"}
    for event in document["traceEvents"]:
        assert isinstance(event["name"], str)
        assert isinstance(event["pid"], int)
        assert isinstance(event["tid"], int)
        if event["ph"] == "M":
            continue
        assert isinstance(event["ts"], int)
        assert event["ts"] >= 0
        assert (event["pid"], event["tid"]) in named
        if event["ph"] == "X":
            assert event["dur"] >= 0
        else:
            assert event["s"] == "t"


def test_spans_of_one_row_lie_behind_or_inside_each_other(lab, job):
    """Viewers draw a row as nested boxes; what overlaps in part is lost."""
    spans = rows(traced(lab, job).document(), "X")
    for row in {(span["pid"], span["tid"]) for span in spans}:
        own = sorted((s["ts"], -s["dur"]) for s in spans if (s["pid"], s["tid"]) == row)
        open_ends: list[int] = []
        for begin, negative in own:
            while open_ends and open_ends[-1] <= begin:
                open_ends.pop()
            assert not open_ends or begin - negative <= open_ends[-1]
            open_ends.append(begin - negative)


def test_every_attempt_is_in_it_and_what_came_from_the_cache(lab, job):
    document = traced(lab, job).document()
    names = [span["name"] for span in rows(document, "X")]
    tries = ["flaky: retrying", "flaky waits to be tried again", "flaky #2"]
    assert [name for name in names if name in tries] == tries
    for name in ("queued", "running", "sum", "sum waits for a host", "sum: answer to record", "all/double-0"):
        assert name in names
    assert any(name.startswith("load script/") for name in names)
    assert rows(document, "i")[0]["name"] == "a from the cache"


def test_the_time_of_a_job_is_accounted_for(lab, job):
    assert traced(lab, job).covered() >= 0.97


def test_the_longest_chain_goes_from_the_first_node_to_the_last_without_a_gap(lab, job):
    found = traced(lab, job)
    chain = found.chain()
    names = [link.node for link in chain]
    assert names[:3] == ["flaky", "sum", "all (expanded)"]
    assert names[-2:] == ["all/sum", "all"]
    total = sum(link.waited + link.loaded + link.computed for link in chain)
    assert total == pytest.approx(found.finished["all"] - found.begun, abs=1e-3)


def test_a_host_whose_clock_is_wrong_does_not_leave_its_place(lab, job):
    events = []
    for event in lab.jobs.events(job.id):
        if "times" in event.data:
            times = event.data["times"] | {name: event.data["times"][name] + 3600 for name in ("begun", "ended")}
            event = replace(event, data=event.data | {"times": times})
        events.append(event)
    found = trace(lab.jobs.get(job.id), events)
    assert all(found.begun <= span.start <= span.end <= found.ended for span in found.spans)


def test_a_job_that_failed_and_one_that_was_taken_over_have_a_trace(lab, tmp_path):
    failed = lab.run({"bad": {"type": "toy_fail"}, "a": number(6, after=["bad"])})
    names = [span.name for span in traced(lab, failed).spans]
    assert "bad: failed" in names
    events = lab.jobs.events(failed.id)
    begun = [event.kind for event in events].index("node.running")
    again = [*events[: begun + 1], replace(events[1], seq=begun + 2, time=events[begun].time + 1)]
    assert again[-1].kind == "job.running"
    lost = next(span for span in trace(failed, again).spans if span.name == "bad #1: no answer")
    assert lost.end == again[-1].time
    times = [event.time for event in again]
    assert all(one <= two for one, two in pairwise(times))


def test_the_command_writes_it_and_shows_the_chain(lab, job, tmp_path):
    out = tmp_path / "trace.json"
    run = spinbot(lab, "trace", job.id, "-o", out)
    assert run.returncode == 0, run.stderr
    assert json.loads(out.read_text())["otherData"] == {"job": job.id, "name": "graph", "state": "succeeded"}
    assert run.stdout.split()[:4] == ["node", "waited", "loaded", "computed"]
    assert "accounted for" in run.stdout
    told = json.loads(spinbot(lab, "trace", job.id, "-o", out, "--json").stdout)
    assert told["covered"] >= 0.97
    assert told["chain"][0]["node"] == "flaky"
    assert Path(told["trace"]) == out
