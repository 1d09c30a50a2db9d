"""Who may see the studio, and what it says where the service is silent or wants a key."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from spinbot.errors import InputError, SpinbotError
from tests.fake_service import FakeService, Refusing
from tests.studio_pages import Pages, visiting

PAGES = ("create", "train", "jobs", "gallery", "review", "profiles", "system")
SILENT = SpinbotError(
    "the service at http://127.0.0.1:8000 does not answer: Connection refused",
    hint="start one with: spinbot up; or name another: --server URL, SPINBOT_SERVER",
    code="unreachable",
)


@pytest.fixture
def pages(monkeypatch: pytest.MonkeyPatch) -> Iterator[Pages]:
    with visiting(monkeypatch) as pages:
        yield pages


@pytest.mark.parametrize("name", PAGES)
def test_each_page_says_when_the_service_is_silent_and_what_to_do(pages, name):
    pages.service = Refusing(SILENT)
    visit = pages.open(name)
    assert visit.heading == "The service does not answer"
    assert visit.page.error[0].value == f"**{SILENT.message}**\n\n{SILENT.hint}"
    assert "Start the service with `spinbot up`, then try again." in visit.says
    assert visit.buttons() == ["Try again"]


def test_the_page_comes_back_with_the_service(pages):
    pages.service = Refusing(SILENT)
    visit = pages.open("jobs")
    pages.service = FakeService()
    assert visit.click("Try again").heading == "Jobs"


@pytest.mark.parametrize("name", PAGES)
def test_a_service_that_falls_silent_between_two_looks_is_told(pages, name):
    service = pages.service
    service.create_profile("ada")
    visit = pages.open(name)
    pages.service = Refusing(SILENT)
    visit.again()
    assert SILENT.message in visit.says
    assert SILENT.hint in visit.says
    pages.service = service
    assert SILENT.message not in visit.again().says


@pytest.mark.parametrize(
    ("name", "address"),
    [
        ("create", {"draft": "script"}),
        ("train", {}),
        ("train", {"job": "video"}),
        ("jobs", {}),
        ("jobs", {"job": "video"}),
        ("gallery", {}),
        ("review", {"job": "video"}),
        ("profiles", {}),
        ("profiles", {"profile": "ada"}),
        ("system", {}),
    ],
)
def test_a_part_that_looks_again_by_itself_tells_of_the_silence(pages, name, address):
    service = pages.service
    service.create_profile("ada")
    made = {
        "script": service.submit(template="script", params={"topic": "bees"}).id,
        "video": service.submit(template="talking_portrait", params={"topic": "bees", "look": "a woman"}).id,
    }
    visit = pages.open(name, **{place: made.get(value, value) for place, value in address.items()})
    pages.service = Refusing(SILENT)
    assert visit.wake() == []
    assert SILENT.hint in visit.says


def test_a_service_that_wants_a_key_gets_the_page_that_asks_for_one(pages):
    pages.service = Refusing(InputError("a key is required", code="no_key"))
    visit = pages.open("jobs")
    assert visit.heading == "Welcome to spinbot"
    assert visit.part("sign_in")["words"]["key"] == "API key"
    assert [code.value for code in visit.page.code] == ["spinbot keys create NAME"]
    assert not visit.page.error
    assert visit.parts("job_rows") == []


def test_a_key_that_is_not_valid_any_more_is_asked_for_again(pages):
    pages.service = Refusing(InputError("the key is not valid", code="bad_key"))
    visit = pages.open("create")
    assert visit.heading == "Welcome to spinbot"
    assert visit.page.error[0].value == "That key is not valid any more. Give another one."
    assert visit.parts("sign_in")


def test_who_has_a_key_sees_whose_it_is_and_can_leave(pages):
    assert pages.open("jobs").parts("sign_out") == []
    pages.service.visitor = pages.service.visitor.model_copy(update={"name": "anna", "keys_required": True})
    pages.forget()
    assert pages.open("jobs").part("sign_out") == {"name": "anna", "label": "Sign out"}


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize("locale", ["en-US", "zh-CN"])
def test_each_page_of_an_empty_studio_is_there_in_each_language(pages, name, locale):
    visit = pages.open(name, locale=locale)
    assert not visit.page.error
    assert visit.says.strip()
    assert "—" not in visit.says
