"""Tells whether a JPEG was overwritten in the middle, which decoders pass over and show as grey or garbled stripes.

Compressed picture data holds no byte FF but as FF00 or as a marker, and few markers may follow it (ITU-T T.81, B.1.1.2
and B.2.1): some 200 bytes of rubbish are enough to break this rule.
"""

from __future__ import annotations

import re

START, SCAN, END = 0xD8, 0xDA, 0xD9
RESTARTS = range(0xD0, 0xD8)
BETWEEN_SCANS = {0xC4, 0xDB, 0xDC, 0xDD, 0xFE, SCAN, *range(0xE0, 0xF0)}
"""Tables, line count, restart interval, comment, next scan, application data."""
MARKER = re.compile(rb"\xff+([^\x00\xff])")


def damage(content: bytes) -> str:
    """What breaks the rule, with its place, in the JPEG that `content` starts with; empty where nothing does."""
    position, scanned = 2, False
    while found := MARKER.search(content, position):
        marker = found[1][0]
        position = found.end()
        if marker == END:
            break
        if marker in RESTARTS or (marker == START and not scanned):
            continue
        position += int.from_bytes(content[position : position + 2], "big")
        followed = marker == SCAN or content[position : position + 1] == b"\xff"
        if scanned and not (marker in BETWEEN_SCANS and followed):
            return f"no marker {marker:02X} may stand at byte {found.start():,}"
        scanned = scanned or marker == SCAN
    return ""
