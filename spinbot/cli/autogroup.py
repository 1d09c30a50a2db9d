"""How much of the CPU the programs of this terminal get beside those of other sessions, such as a browser.

Linux shares the cores among sessions first, and within one by niceness (sched(7), "The autogroup feature"). So however
nice the models were, a browser's threads waited for a core for up to 4 s while they computed; since the session has
the niceness of the models, the page that follows a click is there within 0.4 s.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

AUTOGROUP = Path("/proc/self/autogroup")
UNSET = "nice 0"


@contextmanager
def polite_session(nice: int, file: Path = AUTOGROUP) -> Iterator[None]:
    """Give the session's programs the share of this niceness until the block ends, unless somebody has set another.

    Changes nothing where there are no autogroups: on other systems, and in some containers. Of a program that is killed
    it stays until the session ends.
    """
    changed = _changed(nice, file)
    try:
        yield
    finally:
        if changed:
            with suppress(OSError):  # it is the session's last program
                file.write_text("0")


def _changed(nice: int, file: Path) -> bool:
    try:
        if not file.read_text().strip().endswith(UNSET):
            return False
        file.write_text(str(nice))
    except OSError:  # there are none, or none that may be changed
        return False
    return True
