"""The session of `spinbot up` yields to others while it runs, and is as it was afterwards."""

from __future__ import annotations

from pathlib import Path

import pytest

from spinbot.cli.autogroup import polite_session


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Stands where Linux has the session's share, and keeps what is written."""
    file = tmp_path / "autogroup"
    file.write_text("/autogroup-42 nice 0\n")
    return file


def test_a_session_yields_until_the_end_whatever_that_is(file):
    def work() -> None:
        assert file.read_text() == "10"
        raise OSError("of the block")

    with pytest.raises(OSError, match="of the block"), polite_session(10, file):
        work()
    assert file.read_text() == "0"


def test_what_somebody_has_set_stays(file):
    file.write_text("/autogroup-42 nice -5\n")
    with polite_session(10, file):
        assert file.read_text() == "/autogroup-42 nice -5\n"
    assert file.read_text() == "/autogroup-42 nice -5\n"


def test_nothing_is_made_where_there_is_none(tmp_path):
    with polite_session(10, tmp_path / "none"):
        pass
    assert not [*tmp_path.iterdir()]
