"""How large the work of a node is: the seconds of speech that it writes, speaks, animates or joins.

What is known of a value counts: the length of a recording or video, the sentences of a script. Else a node's own
parameters `seconds`, `text` or `sentences`; else the largest of its inputs, lists of inputs added up. A training is as
large as its steps are many. Pictures have no size, and so have the nodes that only look at pictures.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from spinbot.engines.script.smollm2 import spoken
from spinbot.graphs.graph import Link, NodeSpec
from spinbot.graphs.node import NODES, params_of
from spinbot.media.words import split_sentences


def size_of_value(value: Mapping[str, Any]) -> float | None:
    """Seconds of speech that a value in JSON is or will be; None where it says nothing of the kind."""
    if isinstance(seconds := value.get("seconds"), int | float):
        return float(seconds)
    if isinstance(sentences := value.get("sentences"), list) and all(isinstance(text, str) for text in sentences):
        return spoken(sentences)
    return None


def size_of_node(spec: NodeSpec, size_at: Callable[[Link], float | None]) -> float | None:
    """Seconds of speech that a node works on; `size_at` gives those of the value at the end of a link."""
    own = _own(spec)
    if own is not None:
        return own
    found = []
    for linked in spec.inputs.values():
        sizes = [size for link in (linked if isinstance(linked, list) else [linked]) if (size := size_at(link))]
        if sizes:
            found.append(sum(sizes))
    return max(found, default=None)


def _own(spec: NodeSpec) -> float | None:
    fields = params_of(NODES[spec.type])
    if "seconds" in fields:
        return size_of_value({"seconds": spec.params.get("seconds", fields["seconds"].default)})
    if "settings" in fields:
        given = spec.params.get("settings", {}).get("max_train_steps")
        return float(fields["settings"].default.max_train_steps if given is None else given)
    if isinstance(text := spec.params.get("text"), str):
        return spoken(split_sentences(text))
    return size_of_value({"sentences": spec.params.get("sentences")})
