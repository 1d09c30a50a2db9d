"""The studio's pages without a browser: Streamlit's `AppTest` over a service in memory.

Scripts in the browser do not run here. A custom part is seen by the data that it is given (`Visit.part`), and what it
would tell is told in its place (`Visit.tell`). Each run is one of the whole page, since Streamlit's tests know no
fragments; `Visit.wake` lets those run by themselves.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import streamlit as st
from streamlit.components.v2.bidi_component.main import _make_trigger_id
from streamlit.proto.WidgetStates_pb2 import WidgetState
from streamlit.runtime.scriptrunner import RerunData
from streamlit.testing.v1 import AppTest, local_script_runner
from streamlit.util import calc_hash

from app_streamlit import access
from tests.fake_service import FakeService

ROOT = Path(__file__).parent.parent
SCRIPT = ROOT / "app_streamlit/entry/studio.py"
LONGEST_S = 60.0
FIRST = "create"
PREFIXES = ("kept-", "choice-")
"""Of the keys of fields that put themselves into the address."""
SAID = ("title", "header", "subheader", "markdown", "caption", "info", "warning", "error", "success", "toast")


class Visit:
    """A visitor, who sees one page at a time."""

    def __init__(self, locale: str = "en-US") -> None:
        self.page = AppTest.from_file(SCRIPT, default_timeout=LONGEST_S)
        self.page.context = {"locale": locale, "timezone": "Europe/Berlin"}

    def open(self, name: str, **address: str) -> Visit:
        """Follow a link to that page, as in a new tab."""
        self.page.query_params = dict(address)
        self.page._page_hash = "" if name == FIRST else calc_hash(name)
        self.page.run()
        self.page._page_hash = ""  # from here on it is the page that the last run ended on
        return self._seen()

    def again(self) -> Visit:
        """What a reload or an event leads to."""
        self.page.run()
        return self._seen()

    def wake(self) -> list[str]:
        """Let each fragment run by itself, as a click or an event does in a browser; what broke in them."""
        broken = []
        for fragment in list(self.page._fragment_storage._fragments):
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(local_script_runner, "RerunData", partial(RerunData, fragment_id=fragment))
                self.page._run(self.page._tree.get_widget_states())
            broken += [element.message for element in self.page.exception]
        return broken

    def click(self, *keys: str) -> Visit:
        """Click the button with that key, or that text; in a dialog, that which opens it and the one in there."""
        for key in keys:
            self.button(key).click()
        return self.again()

    def button(self, key: str) -> Any:
        """The button with that key, or that text."""
        found = [button for button in self.page.button if key in (button.key, button.label)]
        assert len(found) == 1, f"{len(found)} buttons are {key!r}; there are {self.buttons()}"
        return found[0]

    def buttons(self) -> list[str]:
        """The texts of all buttons."""
        return [button.label for button in self.page.button]

    def fill(self, **values: Any) -> Visit:
        """Put values into fields with these keys."""
        for key, value in values.items():
            self.field(key).set_value(value)
        return self.again()

    def field(self, key: str) -> Any:
        """The field with that key, or that label."""
        kinds = ("text_input", "text_area", "selectbox", "slider", "number_input", "checkbox", "toggle", "button_group")
        fields = [field for kind in kinds for field in getattr(self.page, kind)]
        names = {key, *(prefix + key for prefix in PREFIXES)}
        found = [field for field in fields if {field.key, field.label} & names]
        assert len(found) == 1, f"{len(found)} fields are {key!r}; there are {[field.key for field in fields]}"
        return found[0]

    def parts(self, name: str) -> list[dict[str, Any]]:
        """What each custom part of that name is given."""
        return [json.loads(part.proto.json) for part in self._parts() if part.proto.component_name == f"spinbot.{name}"]

    def part(self, name: str) -> dict[str, Any]:
        """What the one custom part of that name is given."""
        [given] = self.parts(name)
        return given

    def tell(self, key: str, event: str, value: Any) -> Visit:
        """Let the part with that key tell something."""
        [part] = [part for part in self._parts() if part.key == key]
        told = json.dumps([{"event": event, "value": value}])
        states = self.page._tree.get_widget_states()
        states.widgets.append(WidgetState(id=_make_trigger_id(part.proto.id, "events"), json_trigger_value=told))
        self.page._run(states)
        return self._seen()

    def keep(self, key: str, **values: Any) -> Visit:
        """Let the part with that key keep these values: they stand until it keeps others."""
        [part] = [part for part in self._parts() if part.key == key]
        states = self.page._tree.get_widget_states()
        states.widgets.append(WidgetState(id=part.proto.id, json_value=json.dumps(values)))
        self.page._run(states)
        return self._seen()

    @property
    def says(self) -> str:
        """All that can be read on the page, besides labels and custom parts."""
        return "\n".join(str(element.value) for kind in SAID for element in getattr(self.page, kind))

    @property
    def address(self) -> dict[str, Any]:
        """What stands in the page's address."""
        return self.page.query_params

    @property
    def heading(self) -> str:
        """The first heading."""
        found = [*self.page.title, *self.page.header]
        return str(found[0].value)

    def metric(self, label: str) -> str:
        """The figure of that name."""
        [found] = [metric.value for metric in self.page.metric if metric.label == label]
        return str(found)

    def links(self) -> dict[str, str]:
        """Where each button that is a link leads."""
        return {link.label: link.url for link in self.page.get("link_button")}

    def badges(self) -> list[str]:
        """The texts of badges, without icon and colour."""
        found = [element.value for element in self.page.markdown if "-badge[" in element.value]
        return [text.partition("[")[2].rpartition("]")[0].split(": ", 1)[-1].strip() for text in found]

    def _parts(self) -> list[Any]:
        return [*self.page.get("bidi_component")]

    def _seen(self) -> Visit:
        assert not self.page.exception, self.page.exception[0].message
        return self


class Pages:
    """The studio over a service, which a test may replace while visitors look at it."""

    def __init__(self) -> None:
        self.service: Any = FakeService()

    def open(self, name: str, locale: str = "en-US", **address: str) -> Visit:
        """Somebody new who opens that page."""
        return Visit(locale).open(name, **address)

    def forget(self) -> None:
        """Empty what Streamlit keeps for all sessions."""
        st.cache_data.clear()
        st.cache_resource.clear()


@contextmanager
def visiting(patch: pytest.MonkeyPatch) -> Iterator[Pages]:
    """The studio over a service without anything in it."""
    pages, rerun = Pages(), st.rerun

    class Now:
        """Whatever the service is now: the studio makes one client and keeps it."""

        def __getattr__(self, name: str) -> Any:
            return getattr(pages.service, name)

    patch.setattr(access, "Client", lambda *, key, patience_s: Now())
    # A click in a fragment runs the fragment in a browser, and here the whole page, where that scope is an error.
    patch.setattr(st, "rerun", lambda *, scope="app": rerun())
    pages.forget()
    try:
        yield pages
    finally:
        pages.forget()
