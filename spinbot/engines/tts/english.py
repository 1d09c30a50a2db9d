"""English text to phonemes: every written word with the phonemes of what is said for it. Knows nothing of sound.

Lexicon, part-of-speech tagger and grapheme-to-phoneme model are gruut's (github: rhasspy/gruut, MIT); normalising is
spinbot's own (`spinbot.media.spoken`), because captions need to know which written word each phoneme belongs to.
"""

from __future__ import annotations

import re
import sqlite3
import unicodedata
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from spinbot.engines.tts.pronunciations import FROM_IPA, LETTERS, SPELLED, WEAK, WORDS
from spinbot.errors import InputError
from spinbot.media.spoken import spoken_words
from spinbot.media.words import ends_sentence

VOWELS = frozenset("AIOQWYaeiouæɑɐɒɔəɛɜɪʊʌᵊᵻ")


@dataclass(frozen=True)
class Pronounced:
    """One written word.

    `phonemes` are Kokoro letters with stress marks, spoken words separated by spaces; `lead` and `trail` are the
    punctuation marks around the word that a model may breathe at, out of `;:,.!?—…"()“”`.
    """

    written: str
    phonemes: str
    lead: str = ""
    trail: str = ""


class English:
    """Pronounces American English. Construction opens the lexicon (some 1.3 s, 60 MB)."""

    def __init__(self) -> None:
        import gruut_lang_en
        from gruut.g2p import GraphemesToPhonemes
        from gruut.pos import PartOfSpeechTagger

        folder = gruut_lang_en.get_lang_dir()
        self._lexicon: dict[str, dict[str, str]] = {}
        # the database has no index on words: a scan takes 8 ms, reading all of it 0.3 s
        with closing(sqlite3.connect(f"{(folder / 'lexicon.db').as_uri()}?mode=ro&immutable=1", uri=True)) as rows:
            query = "SELECT word, role, phonemes FROM word_phonemes ORDER BY pron_order"
            for word, role, phonemes in rows.execute(query):
                self._lexicon.setdefault(word, {}).setdefault(role, phonemes)
        self._tag: Any = PartOfSpeechTagger(folder / "pos" / "model.crf")
        self._guess: Any = GraphemesToPhonemes(folder / "g2p" / "model.crf")

    def pronounce(self, text: str) -> list[Pronounced]:
        """Every word of `text` in order. A lone dash or emoji joins the word before it.

        Raises `InputError` for text that is not English (`check_english`) or holds no word.
        """
        check_english(text)
        words = spoken_words(text)
        said = [spoken for w in words for spoken in w.spoken]
        if not said:
            raise InputError("the text has no word to speak", hint="give a sentence in English", code="no_words")
        tags = iter(self._tag(said))
        shouting = sum(s.isupper() for s in said) > len(said) / 2 and len(said) > 3
        out: list[Pronounced] = []
        for i, word in enumerate(words):
            sounds = " ".join(self._word(s.lower() if shouting else s, next(tags)) for s in word.spoken)
            if sounds or not out:
                lead, trail = punctuation(word.written)
                if i + 1 < len(words) and not ends_sentence(word.written, words[i + 1].written):
                    trail = trail.replace(".", "")
                out.append(Pronounced(word.written, sounds, lead, trail))
            else:
                mark = "—" if re.search(r"^[-–—]+$", word.written) else out[-1].trail
                out[-1] = Pronounced(f"{out[-1].written} {word.written}", out[-1].phonemes, out[-1].lead, mark)
        if len(out) > 1 and not out[0].phonemes:
            first, second, *rest = out
            out = [Pronounced(f"{first.written} {second.written}", second.phonemes, second.lead, second.trail), *rest]
        return _linked(out)

    def _word(self, word: str, tag: str) -> str:
        plain = "".join(c for c in unicodedata.normalize("NFKD", word) if not unicodedata.combining(c))
        for letter, latin in (("ß", "ss"), ("ø", "o"), ("Ø", "O"), ("æ", "ae"), ("ł", "l"), ("Ł", "L"), ("đ", "d")):
            plain = plain.replace(letter, latin)
        plain = re.sub(r"[^A-Za-z']", "", plain).strip("'")
        if not plain:
            return ""
        base, ending = re.fullmatch(r"(.+?)((?:'s|(?<=[A-Z])s)?)", plain).groups()  # type: ignore[union-attr]
        if self._spelled(base):
            return _with_s(_letters(base), bool(ending))
        lower = plain.lower()
        known = WEAK.get(lower) or WORDS.get(lower) or self._known(lower, tag)
        if known:
            return known
        if ending or re.fullmatch(r".*s'", word.lower()):
            return _with_s(self._word(base, tag), ending.endswith("s"))
        if re.fullmatch(r"[oO]'[A-Za-z]{3,}", plain):
            return "O" + self._word(plain[2:], tag)
        humps = re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z']+", plain)
        if len(humps) > 1 and all(len(h) > 1 for h in humps):
            return " ".join(self._word(h, tag) for h in humps)
        return self._compound(lower) or _kokoro(self._guess(lower))

    def _spelled(self, word: str) -> bool:
        if len(word) == 1:
            return word not in ("a", "I")
        if not word.isupper():
            return False
        lower = word.lower()
        if lower in WORDS:
            return False
        if lower in SPELLED or self._known(lower, ""):
            return lower in SPELLED
        vowels = sum(c in "aeiouy" for c in lower)
        return len(word) <= 3 or vowels == 0 or (len(word) == 4 and vowels < 2)

    def _known(self, word: str, tag: str) -> str:
        """Of the lexicon, the reading that suits the part of speech; "" for an unknown word."""
        readings = self._lexicon.get(word)
        if not readings:
            return ""
        found = readings.get(f"gruut:{_TAGS.get(tag, tag)}") or readings.get("") or next(iter(readings.values()))
        return _kokoro(found.split())

    def _compound(self, word: str) -> str:
        """Two known words written as one, such as a brand name; the first one carries the stress."""
        cuts = [i for i in range(4, len(word) - 2) if self._known(word[:i], "") and self._known(word[i:], "")]
        if not cuts:
            return ""
        at = min(cuts, key=lambda i: abs(i - len(word) / 2))
        return self._known(word[:at], "") + self._known(word[at:], "").replace("ˈ", "ˌ")


_TAGS = {"VBN": "VBD", "VBP": "VB", "VBZ": "VB", "VBG": "VB", "NNS": "NN", "NNP": "NN", "JJR": "JJ"}
"""Penn Treebank tags that the lexicon files under another one."""


def _kokoro(ipa: list[str]) -> str:
    """The lexicon's IPA symbols as Kokoro letters."""
    out = ""
    for symbol in ipa:
        stress, sound = (symbol[0], symbol[1:]) if symbol[0] in "ˈˌ" else ("", symbol)
        if sound == "ɚ":
            sound = "ɜɹ" if stress else "əɹ"
        out += stress + FROM_IPA.get(sound, sound)
    # American: no glide after t, d, n, s, z, l, th before a stressed u (new, duty)
    out = re.sub(r"(?<=[tdnszlθ])j(?=[ˈˌ]u)", "", out)
    # American: t and d between vowels, the second unstressed, are a flap (water, city)
    out = re.sub(r"(?<=[AIOWYiuæɑəɛɪɹʊʌɔ])t(?=[əiɪᵊ](?!n))", "T", out)
    return re.sub(r"ə(?=[ln](?![ˈˌAIOWYiuæɑəɛɪʊʌɔ]))(?<=[tdTszpbkɡfv]ə)", "ᵊ", out)


def _letters(word: str) -> str:
    names = [LETTERS[c] for c in word.lower() if c in LETTERS]
    return " ".join([*(name.replace("ˈ", "ˌ") for name in names[:-1]), *names[-1:]])


def _with_s(phonemes: str, ending: bool) -> str:
    if not ending or not phonemes:
        return phonemes
    last = phonemes[-1]
    return phonemes + ("ᵻz" if last in "szʃʒʧʤ" else "s" if last in "ptkfθ" else "z")


def _linked(words: list[Pronounced]) -> list[Pronounced]:
    """Before a vowel, "the" is said as in "thee" and "to" with a full u."""
    out = []
    for i, word in enumerate(words):
        following = words[i + 1].phonemes.lstrip("ˈˌ") if i + 1 < len(words) else ""
        strong = {"ðə": "ði", "tə": "tʊ"}.get(word.phonemes)
        if strong and not word.trail and (following[:1] in VOWELS and following):
            word = Pronounced(word.written, strong, word.lead, word.trail)
        elif word.phonemes == "tə" and (word.trail or not following):
            word = Pronounced(word.written, "tˈu", word.lead, word.trail)
        out.append(word)
    return out


def punctuation(written: str) -> tuple[str, str]:
    """Marks before and after a written word, as Kokoro writes them."""
    marks = {"...": "…", "–": "—", "--": "—", "‘": "", "«": "“", "»": "”", "[": "(", "]": ")", "'": ""}
    text = written
    for mark, kokoro in marks.items():
        text = text.replace(mark, kokoro)
    lead = re.match(r"[(\"“”]*", text)
    trail = re.search(r"[;:,.!?—…\"()“”]*$", text)
    assert lead is not None
    assert trail is not None
    return lead[0], trail[0] if len(trail[0]) < len(text) else ""


_FOREIGN = {
    "German": "der die und ist nicht ein eine das mit für auf wir sich auch dem den von zu sie wird",
    "French": "le les des est une dans pour que qui pas nous vous avec sur ce et du je elle sont",
    "Spanish": "el los las es una por para que con del como pero más está son y su muy al lo",
    "Italian": "il che di è una per non con sono della nel gli ma anche questo più alla dei si lo",
    "Portuguese": "os uma não é por para que com dos mas como mais são em seu na ao ele isso do",
    "Dutch": "het een van niet is op dat met voor zijn ik je er maar ook de wij deze naar bij",
    "Swedish": "och är det att som på en av för med den inte jag till har om ett vi han",
    "Danish or Norwegian": "og er det at som på en av af for med den ikke jeg til har om et vi han",
    "Polish": "i w nie na się że to jest z do jak co tak ale po od jego czy są dla",
    "Turkish": "ve bir bu için de da çok ile gibi daha ne ama var olarak ben o mi kadar",
    "Indonesian": "dan yang di ini itu dengan untuk tidak dari dalam akan pada juga saya ke karena ada",
}
_ENGLISH = frozenset([
    "the", "and", "is", "are", "was", "were", "a", "an", "of", "to", "in", "it", "that", "this", "you", "he",
    "she", "we", "they", "i", "for", "on", "with", "as", "at", "be", "by", "not", "have", "has", "had", "do",
    "from", "or", "but", "my", "your", "his", "her", "our", "their", "what", "will", "would", "can", "all",
    "there", "when", "so", "if", "about", "out", "up", "its", "me", "than", "then", "one", "no",
])  # fmt: skip


def check_english(text: str) -> None:
    """Refuse text in another language, before any model is loaded.

    Looks at the alphabet of the letters and at function words, so single words and names pass. Raises `InputError`
    with code `unsupported_language`, naming what was found.
    """
    letters = [c for c in text if c.isalpha()]
    other = [c for c in letters if "LATIN" not in unicodedata.name(c, "")]
    if len(other) > 0.3 * len(letters):
        script = unicodedata.name(other[0], "unknown").split()[0]
        japanese = {"CJK": "Chinese or Japanese", "HIRAGANA": "Japanese", "KATAKANA": "Japanese"}
        name = japanese.get(script, script.title())
        raise _unsupported(f"in {name} letters (such as {other[0]!r})")
    words = re.findall(r"[^\W\d_]+", text.lower())
    english = sum(w in _ENGLISH for w in words)
    counts = {name: sum(w in set(listed.split()) for w in words) for name, listed in _FOREIGN.items()}
    language = max(counts, key=lambda name: counts[name])
    if counts[language] >= 3 and counts[language] > english and counts[language] > 0.15 * len(words):
        raise _unsupported(f"in {language}")


def _unsupported(what: str) -> InputError:
    return InputError(
        f"the text seems to be {what}, but the voices speak English only",
        hint="write the script in English",
        code="unsupported_language",
    )
