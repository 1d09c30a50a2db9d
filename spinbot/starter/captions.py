"""Captions: a look in words, other words each time, with parts in any order and parts left out.

What a person might wear (glasses, beard, hat) is always said where it is there, so that silence means "none"; all
else may be left out, and then is not in `Caption.said`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random

from spinbot.engines.image.drawn.look import Look
from spinbot.starter import lexicon
from spinbot.starter.phrases import (
    AFTER_HAIR,
    AFTER_PERSON,
    BEFORE_HAIR,
    DECADES,
    FREE,
    PEOPLE,
    PLURAL_PEOPLE,
    PRONOUNS,
    WITH_HAIR,
    article,
    before_person,
    hyphened,
)
from spinbot.starter.sentences import Parts, sentence

SILENT_NONE = ("glasses", "beard", "hat")
HAIR_WORDS = ("hair",) * 6 + ("locks", "tresses", "strands")
WALLS = ("background",) * 4 + ("wall",) * 3 + ("backdrop",) * 3 + ("curtain", "screen", "setting", "scenery")
BARE_HEADS = ("bald",)
"""Styles that show no colour of hair but that of the brows."""


@dataclass
class Caption:
    """A text and the attributes that can be known from it."""

    text: str
    said: frozenset[str]


@dataclass
class _Writer:
    """One caption in the making."""

    look: Look
    rng: Random
    unseen: bool
    """Use held-out phrases wherever there are any."""
    said: set[str] = field(default_factory=lambda: set(SILENT_NONE))

    def chance(self, share: float) -> bool:
        return self.rng.random() < share

    def pick(self, table: str, value: str, *, within: frozenset[str] | None = None) -> str:
        """A phrase for a value that says nothing untrue; empty where there is none."""
        words = lexicon.held_out() if self.unseen else lexicon.trained_on()
        for source in (words, lexicon.trained_on()):
            able = [p for p in source[table].get(value, ()) if lexicon.fits(p, self.look, table)]
            able = [p for p in able if (within is None or p in within) and p not in PLURAL_PEOPLE | PRONOUNS]
            if able:
                # The usual word is half of what people write.
                usual = able[0] if source[table][value][0] == able[0] and self.chance(0.3) else self.rng.choice(able)
                self.tell(usual)
                return usual
        return ""

    def tell(self, phrase: str) -> None:
        """What a phrase says goes beyond its table: a nun is a woman."""
        self.said.update(table for table, value in lexicon.meanings(phrase) if getattr(self.look, table) == value)


def caption(look: Look, rng: Random, *, unseen: bool = False) -> Caption:
    """One caption. With `unseen` it is made of held-out phrases where there are any: for tests."""
    writer = _Writer(look, rng, unseen)
    parts = Parts(pronoun="her" if look.sex == "woman" else "his")
    _person(writer, parts)
    _hair(writer, parts)
    _worn(writer, parts)
    _clothes(writer, parts)
    if writer.chance(0.93):
        colour = _colour(writer, look.background)
        writer.said.add("background")
        parts.wall = (colour, rng.choice(WALLS))
    rng.shuffle(parts.things)
    text = sentence(parts, rng)
    return Caption(text, frozenset(writer.said))


def _person(writer: _Writer, parts: Parts) -> None:
    look, rng = writer.look, writer.rng
    if writer.chance(0.93):
        noun = writer.pick("sex", look.sex, within=PEOPLE)
        parts.person = noun or look.sex
        writer.said.add("sex")
    else:
        parts.person, parts.pronoun = rng.choice(("person", "someone", "character")), ""
    for table, share in (("age", 0.8 if look.age == "old" else 0.45), ("skin", 0.4)):
        if not writer.chance(share):
            continue
        phrase = writer.pick(table, getattr(look, table))
        if not phrase:
            continue
        writer.said.add(table)
        if phrase in PEOPLE:
            parts.titles.append(phrase)
        elif before_person(phrase):
            parts.adjectives.append(hyphened(phrase))
        elif phrase in AFTER_PERSON:
            parts.after.append(f"aged {phrase}")
        elif phrase in DECADES:
            parts.after.append(f"in {parts.pronoun or 'the'} {phrase}")
        elif phrase.startswith("in "):
            parts.after.append(phrase)
        else:
            parts.things.append(phrase)
    if look.glasses != "sunglasses" and writer.chance(0.25):
        writer.said.add("eyes")
        if writer.chance(0.3):
            parts.adjectives.append(f"{look.eyes}-eyed")
        else:
            parts.things.append(f"{look.eyes} eyes")


def _hair(writer: _Writer, parts: Parts) -> None:
    """Style and colour of the hair; nothing of it is said under a headscarf."""
    look, rng = writer.look, writer.rng
    if look.hat == "headscarf":
        return
    length = lexicon.length_of(look)
    colour = style = ""
    if look.hair not in BARE_HEADS and writer.chance(0.93):
        writer.said.add("hair_colour")
        colour = _hair_colour(writer)
    if writer.chance(0.85):
        style = writer.pick("hair", look.hair)
        writer.said |= {"hair", "length"}
    elif length in ("short", "medium", "long") and writer.chance(0.7):
        style = length
        writer.said.add("length")
    if colour in PEOPLE:
        parts.titles.append(colour)
        colour = ""
    elif before_person(colour):
        parts.adjectives.append(hyphened(colour))
        colour = ""
    if style and before_person(style):
        parts.adjectives.append(hyphened(style))
        style = ""
        if not colour:
            return
    _hair_phrase(parts, rng, colour.removesuffix(" hair"), style, length)


def _hair_phrase(parts: Parts, rng: Random, colour: str, style: str, length: str) -> None:
    noun = rng.choice(HAIR_WORDS)
    if style in WITH_HAIR:
        style = "tied up" if style == "hair up" else "tied back"
    if style in AFTER_HAIR:
        parts.things.append(" ".join(filter(None, (colour, noun, style))))
        return
    if style.endswith(" hair"):
        style, noun = style.removesuffix(" hair"), "hair"
    elif style and style not in BEFORE_HAIR:  # a thing of its own: a bob, bangs
        if colour and rng.random() < 0.3:
            parts.statements.append((noun, colour))
            parts.things.append(article(style))
        elif colour and rng.random() < 0.25:
            parts.things.append(f"{article(style)} of {colour} {noun}")
        elif colour or style:
            parts.things.append(article(f"{colour} {style}".strip()))
        return
    if style and length == "long" and "long" not in style and rng.random() < 0.5:
        style = f"long {style}"
    if colour and rng.random() < 0.3:
        parts.statements.append((noun, f"{colour} and {style}" if style and rng.random() < 0.5 else colour))
        if style and not parts.statements[-1][1].endswith(style):
            parts.things.append(f"{hyphened(style)} {noun}")
        return
    words = [word for word in (hyphened(style), colour) if word]
    rng.shuffle(words)
    if words:
        joint = ", " if len(words) == 2 and rng.random() < 0.2 else " "
        parts.things.append(f"{joint.join(words)} {noun}")


def _hair_colour(writer: _Writer) -> str:
    """A word for the colour of the hair: of the hair's own, or of colours at large."""
    value = writer.look.hair_colour
    own = writer.pick("hair_colour", value) if writer.chance(0.5) else ""
    return own or _colour(writer, value, hair=True) or value


def _worn(writer: _Writer, parts: Parts) -> None:
    """Glasses, beard and hat."""
    look, rng = writer.look, writer.rng
    for table, share in (("glasses", 0.08), ("beard", 0.2 if look.sex == "man" else 0.01), ("hat", 0.06)):
        value = getattr(look, table)
        if value == "none" and not writer.chance(share):
            continue
        phrase = writer.pick(table, value)
        if not phrase:
            phrase = f"no {table}" if value == "none" else value
        if phrase in PEOPLE:
            parts.titles.append(phrase)
        elif before_person(phrase) and phrase != "clean shaven":
            parts.adjectives.append(hyphened(phrase))
        elif phrase.startswith(FREE) or phrase in ("clean shaven", "unshaven"):
            parts.free.append(hyphened(phrase))
        elif table == "hat" and value != "chef" and writer.chance(0.9):
            writer.said.add("hat_colour")
            _coloured(writer, parts, phrase, look.hat_colour)
        elif table == "hat":
            parts.clothes.append(article(phrase))
        else:
            (parts.things if table == "beard" or rng.random() < 0.8 else parts.clothes).append(
                article(hyphened(phrase))
            )


def _clothes(writer: _Writer, parts: Parts) -> None:
    look = writer.look
    white_cook = look.hat == "chef" and look.clothes_colour == "white" and writer.chance(0.6)
    garment = writer.pick("clothes", look.clothes) if writer.chance(0.85) else ""
    if garment in PEOPLE:
        parts.titles.append(garment)
        garment = ""
    elif garment:
        writer.said.add("clothes")
    if white_cook or writer.chance(0.05):
        writer.said |= {"clothes_colour"} if white_cook else set()
        if garment:
            parts.clothes.append(article(hyphened(garment)))
        return
    writer.said.add("clothes_colour")
    if garment:
        _coloured(writer, parts, garment, look.clothes_colour)
    else:
        colour = _colour(writer, look.clothes_colour)
        parts.clothes.append(colour if writer.chance(0.5) else f"{colour} {writer.rng.choice(('clothes', 'clothing'))}")


def _coloured(writer: _Writer, parts: Parts, thing: str, value: str) -> None:
    """A garment or hat with its colour before or after it, or in a sentence of its own."""
    colour, turn = _colour(writer, value), writer.rng.random()
    thing = hyphened(thing)
    if turn < 0.72:
        parts.clothes.append(article(f"{colour} {thing}"))
    elif turn < 0.82:
        parts.clothes.append(f"{article(thing)} in {colour}")
    elif turn < 0.88:
        parts.clothes.append(f"{article(thing)} that is {colour}")
    else:
        parts.statements.append((thing, colour))


def _colour(writer: _Writer, value: str, *, hair: bool = False) -> str:
    """A word for a colour; of hair, one that does not mean another colour there ("copper" is not orange)."""
    source = lexicon.held_out() if writer.unseen else lexicon.trained_on()
    for words in (source["colour"], lexicon.trained_on()["colour"]):
        able = list(words.get(value, ()))
        if hair:
            able = [word for word in able if all(v == value for t, v in lexicon.meanings(word) if t == "hair_colour")]
        if able:
            break
    else:
        return value
    if writer.chance(0.3) and not writer.unseen and value in able:
        return value
    word = writer.rng.choice(able)
    if word in ("wine coloured", "straw coloured", "tan coloured"):
        return word.replace(" ", "-")
    return f"{word}{writer.rng.choice(('-coloured', ' coloured'))}" if not hair and writer.chance(0.04) else word
