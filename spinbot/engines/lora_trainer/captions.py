"""What a picture is said to show while it is learned, and what others are asked to be drawn like."""

from __future__ import annotations

from itertools import cycle, islice

from spinbot.engines.lora_trainer.settings import LookSettings, Subject

PLACE = "[trigger]"
"""Stands for the trigger word in captions and prompts, as in ai-toolkit's data sets."""
PLAIN: dict[Subject, tuple[str, ...]] = {
    "person": ("a portrait of {}", "{}", "a photo of {}", "a picture of {}"),
    "style": ("a picture in the style of {}", "{} style", "{}"),
    "object": ("a picture of {}", "{}", "a photo of {}"),
}
"""What is said of a picture with the name alone; the first is the one to be used."""
SAMPLES: dict[Subject, tuple[str, ...]] = {
    "person": (
        "a portrait of [trigger]", "[trigger] smiling, green background", "a photo of [trigger] wearing a red sweater",
        "[trigger] in front of a blue wall",
    ),
    "style": ("a house in the style of [trigger]", "a woman in the style of [trigger]"),
    "object": ("a picture of [trigger]", "[trigger] on a table", "[trigger] in front of a blue wall"),
}  # fmt: skip
OTHERS: dict[Subject, tuple[str, ...]] = {
    "person": (
        "a portrait of a woman", "a portrait of a man", "a woman with long brown hair", "a man with a beard",
        "a young woman with blond hair and glasses", "an old man with grey hair", "a man in a blue suit",
        "a woman in a red dress", "a man with short black hair", "a woman with red hair wearing a green sweater",
        "a bald man with a moustache", "a woman wearing a hat", "a portrait of a person, white background",
        "an old woman with white hair", "a man in a yellow hoodie, grey wall", "a woman with curly black hair",
    ),
    "style": ("a house", "a woman", "a tree", "a street"),
    "object": ("a picture of a cup", "a toy on a table", "a bag in front of a wall"),
}  # fmt: skip
"""Different from each other on purpose: what they show is what the model is kept from forgetting."""


def names(settings: LookSettings) -> list[str]:
    """Captions that say nothing but the name; the first is the phrase to use."""
    return [form.format(f"{settings.trigger} {settings.class_word}".strip()) for form in PLAIN[settings.preset]]


def learned(caption: str, settings: LookSettings) -> str:
    """The caption under which a picture is learned: the trigger word stands in it, wherever the user put it."""
    name = f"{settings.trigger} {settings.class_word}".strip()
    text = " ".join(caption.split())
    phrase = names(settings)[0]
    if not text:
        return phrase
    if PLACE in text:
        return text.replace(PLACE, name)
    if settings.trigger.lower() in text.lower().replace(",", " ").split():
        return text
    return f"{phrase}, {text}"


def samples(settings: LookSettings) -> list[str]:
    """The prompts of the samples, with the trigger word."""
    name = f"{settings.trigger} {settings.class_word}".strip()
    return [prompt.replace(PLACE, name) for prompt in settings.sample_prompts or SAMPLES[settings.preset]]


def others(settings: LookSettings, count: int) -> list[str]:
    """So many prompts of pictures of others."""
    return list(islice(cycle(settings.prior_prompts or OTHERS[settings.preset]), count))
