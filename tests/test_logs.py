"""What happened in a job can be read by people and by programs."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from spinbot.serve.logs import log_event, log_to
from tests.lab import Lab, number
from tests.test_cli import refused
from tests.test_jobs_cli import spinbot


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    lab = Lab(tmp_path / "home", "local")
    yield lab
    lab.close()


def test_a_log_tells_what_failed_and_what_to_do(lab):
    job = lab.run({"a": number(1), "bad": {"type": "toy_fail", "after": ["a"]}}).id
    shown = spinbot(lab, "logs", job).stdout
    assert "a node.succeeded" in shown
    assert "bad node.failed: the toy is unhappy (remedy: be nice to it)" in shown
    only = spinbot(lab, "logs", job, "--node", "a").stdout
    assert only
    assert "bad" not in only
    told = [json.loads(line) for line in spinbot(lab, "logs", job, "--follow", "--json").stdout.splitlines()]
    assert [event["seq"] for event in told] == list(range(1, lab.jobs.get(job).events + 1))
    refused(spinbot(lab, "logs", "nope"), 3, "no job 'nope'", "spinbot jobs")


def test_figures_are_logged_when_progress_is_asked_for_and_previews_always(lab):
    job = lab.run({"show": {"type": "toy_show", "params": {"steps": 3}}}).id
    plain, whole = (spinbot(lab, "logs", job, *more).stdout for more in ((), ("--progress",)))
    assert "show node.preview: after 3: sha256:" in plain
    assert "node.figures" not in plain
    assert "show node.figures step 3: loss 0.3333" in whole


def test_the_traceback_of_a_defect_is_in_the_log(lab):
    job = lab.run({"bad": {"type": "toy_fail", "params": {"how": "defect"}}}).id
    assert "ZeroDivisionError" in spinbot(lab, "logs", job).stdout


def test_the_service_logs_json_lines_with_the_ids_of_job_and_node(lab, tmp_path):
    log_to(tmp_path, "runner")
    logger = logging.getLogger("spinbot")
    stop = lab.runner.listen(log_event)
    try:
        nodes = {"a": number(1), "show": {"type": "toy_show"}, "bad": {"type": "toy_fail", "after": ["a", "show"]}}
        job = lab.run(nodes).id
        logger.getChild("actors").warning("something odd")
    finally:
        stop()
        handler = logger.handlers.pop()
        handler.close()
    lines = [json.loads(line) for line in (tmp_path / "logs" / "runner.log").read_text().splitlines()]
    failed = next(line for line in lines if line.get("kind") == "node.failed")
    assert (failed["level"], failed["job"], failed["node"]) == ("ERROR", job, "bad")
    assert failed["message"] == "the toy is unhappy"
    assert {"node.figures", "node.preview"}.isdisjoint(line.get("kind") for line in lines)
    assert lines[-1]["message"] == "something odd"
