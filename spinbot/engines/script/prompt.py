"""What the model is asked, in the chat format that it was trained on (HuggingFaceTB/SmolLM2-135M-Instruct).

The narration is asked for without examples: with a few short ones before it this model falls into "They are very ...
They are very ...", without them it writes as it was trained to. Title and picture need examples: it has no idea of
either.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

from spinbot.engines.script.base import Turn

SYSTEM = "You are a helpful AI assistant named SmolLM, trained by Hugging Face"

_CARDS = (
    ("how rain forms", "How Rain Forms", "A woman in a yellow raincoat at a window with grey clouds outside"),
    ("fresh bread from our bakery", "Bread Fresh from the Oven", "A smiling baker in a white apron in a warm bakery"),
    ("The Moon landing of 1969", "The First Steps on the Moon", "A presenter in a blue suit in a museum of rockets"),
    ("what owls do at night", "Why Owls Hunt at Night", "A ranger in a green jacket in a quiet forest"),
)
"""Topic, title, picture."""
PICTURE = "\nPicture:"


def turn(role: str, text: str) -> str:
    """One finished message."""
    return f"<|im_start|>{role}\n{text}<|im_end|>\n"


def ask(text: str) -> str:
    """A request and the start of the answer."""
    return turn("user", text) + "<|im_start|>assistant\n"


def conversation(turns: Sequence[Turn]) -> str:
    """Messages and the start of the answer. Marks of the format that stand in a message do not work there."""
    system = () if turns and turns[0].role == "system" else (turn("system", SYSTEM),)
    messages = (turn(message.role, message.content.replace("<|", "< |")) for message in turns)
    return "".join([*system, *messages]) + "<|im_start|>assistant\n"


def narration(topic: str) -> str:
    """The request for the sentences."""
    return turn("system", SYSTEM) + ask(f"Write a short paragraph about {inside(topic)}.")


def more(topic: str) -> str:
    """The end of a paragraph and the request for the next one."""
    about = inside(topic) if len(topic) <= 80 else "this"
    return f"<|im_end|>\n{ask(f'Write another paragraph about {about}, with new ideas.')}"


def cards() -> str:
    """Examples of titles and pictures, the same for every topic."""
    return turn("system", "You name short videos and describe the person in the picture.") + "".join(
        card(topic) + f" {title}{PICTURE} {visual}<|im_end|>\n" for topic, title, visual in _CARDS
    )


def card(topic: str) -> str:
    """The request for a title; `PICTURE` follows the title."""
    return ask(inside(topic)) + "Title:"


def plain(topic: str) -> str:
    """A topic in the characters that the model may write: accents dropped, quotes straight, one line, no markup."""
    text = topic.translate({0x2018: "'", 0x2019: "'", 0x201C: '"', 0x201D: '"', 0x2013: "-", 0x2014: "-", 0x2026: "."})
    text = unicodedata.normalize("NFKD", text)
    text = "".join(c if " " <= c <= "~" else " " for c in text if not unicodedata.combining(c))
    return re.sub(r"\s+", " ", re.sub(r"[<>|{}\[\]\\*#_`]", " ", text)).strip()


def inside(topic: str) -> str:
    """A topic as part of a sentence: no full stop at its end."""
    return topic.rstrip(" .!?;:,")
