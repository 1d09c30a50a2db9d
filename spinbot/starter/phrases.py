"""How each phrase of the lexicon stands in a sentence: the tables give meanings, not parts of speech."""

from __future__ import annotations


def _set(text: str) -> frozenset[str]:
    return frozenset(text.split())


PEOPLE = _set(
    "woman girl lady mother mom mum sister queen princess actress waitress aunt daughter wife bride businesswoman gal "
    "grandmother grandma granny nana witch nun ballerina hostess stewardess man guy boy gentleman father dad brother "
    "king prince actor waiter uncle son husband businessman dude fellow chap bloke lad grandfather grandpa granddad "
    "gramps wizard monk lumberjack steward teenager teen student kid youngster pensioner latina latino african indian "
    "arab redhead brunette brunet blonde blondes chef cook baker doctor scientist nurse lawyer politician banker ceo "
    "butler"
) | {"black woman", "black man", "black girl", "black guy", "african american", "strawberry blonde"}
"""Who somebody is: the head of a phrase."""

PLURAL_PEOPLE = frozenset(("women", "men", "blondes"))
PRONOUNS = frozenset(("she", "her", "he", "his"))

BEFORE_PERSON = _set(
    "female male young youthful teenage mature old elderly aged senior ancient aging wrinkled wrinkly retired pale tan "
    "tanned bronzed caucasian european mediterranean bald hairless balding bespectacled nerdy beardless shaved "
    "stubbly unshaven scruffy mustached moustached bearded hatless bareheaded brunet ginger redheaded"
) | {
    "middle aged",
    "olive skinned",
    "sun kissed",
    "south asian",
    "middle eastern",
    "half bald",
    "bare headed",
    "clean shaven",
}
"""Adjectives of people, beside all that end like `ADJECTIVE_ENDS`."""
ADJECTIVE_ENDS = ("haired", "skinned", "headed", "faced", "year old")

AFTER_PERSON = frozenset(("twenty", "forty", "fifty", "sixty", "seventy", "eighty"))
"""Said as "aged forty"; "in her forties" and its like stand by themselves."""
DECADES = frozenset(("twenties", "forties", "fifties"))

BEFORE_HAIR = _set(
    "long short medium spiky spiked tousled straight wavy flowing curly braided plaited bobbed frizzy "
    "receding thinning cropped"
) | {
    "short curly",
    "curly short",
    "short and curly",
    "short wavy",
    "long straight",
    "straight long",
    "long wavy",
    "wavy long",
    "long curly",
    "curly long",
    "long and curly",
    "close cropped",
    "shoulder length",
    "chin length",
    "medium length",
    "mid length",
    "waist length",
    "very long",
    "neat short",
}
"""Adjectives that need "hair" after them."""
AFTER_HAIR = frozenset(("tied up", "pinned up", "tied back", "pulled back", "tied"))
"""Participles: "hair tied back"."""
WITH_HAIR = frozenset(("hair up", "hair back"))
"""Said with a pronoun or nothing before them."""
MANY_HAIRS = _set("spikes braids plaits pigtails waves bangs curls ringlets") | {"short curls", "long curls"}

MANY = _set("spectacles eyeglasses specs frames shades aviators sunglasses whiskers") | {"round frames"}
"""Things without "a", beside all that end in "glasses"."""
NO_ARTICLE = frozenset(("stubble", "eyewear", "knitwear", "unshaven", "salt and pepper", "five o'clock shadow"))
FREE = ("no ", "without ", "not ")
"""What begins so stands by itself."""


def before_person(phrase: str) -> bool:
    """An adjective: "a bearded man"."""
    return phrase in BEFORE_PERSON or phrase.endswith(ADJECTIVE_ENDS)


def article(phrase: str) -> str:
    """The phrase with "a" or "an", where it takes one."""
    last = phrase.split()[-1]
    if (
        phrase in NO_ARTICLE
        or phrase in MANY
        or last in MANY
        or last in MANY_HAIRS
        or last in ("glasses", "hair", "skin")
    ):
        return phrase
    return f"{'an' if phrase.startswith(('a', 'e', 'i', 'o', 'u', '8')) else 'a'} {phrase}"


def hyphened(phrase: str) -> str:
    """As people write it: "red-haired", "t-shirt"."""
    if phrase.endswith("year old"):
        return phrase.replace(" ", "-")
    if phrase.startswith("t ") or phrase.endswith(("rimmed glasses", "framed glasses")):
        return phrase.replace(" ", "-", 1)
    if " " in phrase and phrase.endswith((*ADJECTIVE_ENDS, "length", "aged")):
        return "-".join(phrase.rsplit(" ", 1))
    return phrase
