"""The page of the installation: machines, models and their licences, processes, the queue over time."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from spinbot.client import Me
from spinbot.errors import ModelError
from tests.studio_pages import Pages, Visit, visiting

SECTIONS = ("overview", "models", "actors", "queue")


@pytest.fixture
def pages(monkeypatch: pytest.MonkeyPatch) -> Iterator[Pages]:
    with visiting(monkeypatch) as pages:
        yield pages


def progress(visit: Visit) -> list[str]:
    """What stands over each bar."""
    return [bar.text for bar in visit.page.get("progress")]


def no_admin(pages: Pages) -> None:
    pages.service.visitor = Me(name="ben", scopes=["read", "write"], keys_required=False)
    pages.forget()


def test_machines_say_what_is_in_use_and_what_is_gone(pages):
    visit = pages.open("system")
    assert [heading.value for heading in visit.page.subheader][:2] == ["house", "shed"]
    assert visit.badges() == ["Online", "Gone"]
    assert progress(visit) == ["**Processors** · 2 of 8", "**Memory** · 4.0 GB of 16 GB"]
    assert "Ray's dashboard runs on a cluster only" in visit.says
    assert "SPINBOT_GRAFANA_URL" in visit.says
    pages.service.links = {"dashboard": "http://127.0.0.1:8265", "grafana": "http://127.0.0.1:3000"}
    assert visit.click("Refresh").links() == {
        "Ray dashboard": "http://127.0.0.1:8265",
        "Grafana": "http://127.0.0.1:3000",
    }
    assert "SPINBOT_GRAFANA_URL" not in visit.says


def test_what_does_not_answer_is_named(pages):
    pages.service.mute = ["machines", "hosts"]
    warning = pages.open("system").page.warning[0].value
    assert warning == "Missing here, because it did not answer in time: the machines, the processes."


def test_models_have_a_licence_and_say_whether_it_allows_commercial_use(pages):
    visit = pages.open("system", section="models")
    assert "1 of 3 models are not installed." in visit.says
    assert "**Kokoro 82M**" in visit.says
    assert "95 MB on disk · 210 MB in memory" in visit.says
    assert "Licence Apache-2.0 · commercial use allowed" in visit.says
    assert "Licence CC-BY-NC-4.0 · no commercial use" in visit.says
    assert "In use: **kokoro** · also: piper" in visit.says
    assert "drawn needs no model." in visit.says
    assert visit.badges() == ["Installed", "Installed"]
    pages.service.installed.add("piper-joe")
    assert "All 3 models are installed." in visit.again().says
    assert "Pull" not in visit.buttons()


def test_a_model_is_pulled_and_its_download_followed(pages):
    visit = pages.open("system", section="models").click("pull-piper-joe")
    [job] = pages.service.jobs()
    assert (job.name, job.title) == ("fetch_model", "piper-joe")
    [row] = visit.part("job_rows")["rows"]
    assert (row["title"], row["shown"], row["actions"]) == ("Download", "Queued", ["first", "cancel"])
    assert "Pull" not in visit.buttons()
    visit.tell(f"pulling-{job.id}", "act", {"job": job.id, "what": "cancel"})
    pages.service.runner.heed(job.id)
    assert "The download was stopped just now" in visit.again().says
    pages.service.runner.faults["fetch_model"] = ModelError("the hub is silent", hint="try again later")
    visit.click("pull-piper-joe")
    pages.service.runner.run(pages.service.jobs_page().data[0].id)
    visit.again()
    assert visit.page.error[0].value == "**the hub is silent**\n\ntry again later"
    assert "Pull" in visit.buttons()


def test_who_is_no_admin_sees_that_and_cannot_pull(pages):
    no_admin(pages)
    button = pages.open("system", section="models").button("pull-piper-joe")
    assert button.disabled
    assert "scope admin" in button.proto.help


def test_processes_show_their_engines_and_groups_their_limits(pages):
    visit = pages.open("system", section="actors")
    assert "**Speech** · speech-1" in visit.says
    assert "house · process 4711 · 300 MB in all" in visit.says
    assert "Busy" in visit.badges()
    assert progress(visit) == ["**Engines in memory** · 210 MB of 6.4 GB"]
    pages.service.mute = ["hosts"]
    assert "No process runs. The next job starts those that it needs." in visit.again().says


def test_the_queue_shows_what_stands_and_what_has_ended(pages):
    for topic in ("ants", "bees"):
        pages.service.runner.run(pages.service.submit(template="script", params={"topic": topic}).id)
    pages.service.submit(template="script", params={"topic": "wasps"})
    visit = pages.open("system", section="queue")
    assert (visit.metric("Queued"), visit.metric("Done"), visit.metric("Failed")) == ("1", "2", "0")
    assert "at most 1 waited and 0 ran at once." in visit.says
    assert "2 succeeded, 0 failed, 0 cancelled." in visit.says
    visit.fill(span="week")
    assert visit.address["span"] == "week"
    visit.click("Pause the queue")
    assert pages.service.queue().paused
    assert visit.badges() == ["The queue is paused"]
    no_admin(pages)
    assert pages.open("system", section="queue").button("Resume the queue").disabled


@pytest.mark.parametrize("section", SECTIONS)
def test_only_the_section_that_is_open_is_asked_for(pages, monkeypatch, section):
    asked = []
    for name in ("cluster", "models", "capabilities", "queue_history"):
        answer = getattr(pages.service, name)
        monkeypatch.setattr(
            pages.service, name, lambda *given, name=name, answer=answer: asked.append(name) or answer(*given)
        )
    pages.open("system", section=section)
    expected = {
        "overview": {"cluster"},
        "models": {"models", "capabilities"},
        "actors": {"capabilities"},
        "queue": {"queue_history"},
    }
    assert set(asked) == expected[section]
