"""Pronunciations that a lexicon of single words cannot know, in Kokoro's phoneme letters.

The letters are those of the model's own vocabulary, as used by its grapheme-to-phoneme library misaki (github:
hexgrad/misaki, EN_PHONES.md): IPA, but one letter per diphthong and affricate.
"""

from __future__ import annotations

FROM_IPA = {
    "oʊ": "O", "eɪ": "A", "aɪ": "I", "aʊ": "W", "ɔɪ": "Y", "t͡ʃ": "ʧ", "d͡ʒ": "ʤ", "r": "ɹ", "g": "ɡ",
}  # fmt: skip
"""IPA of the lexicon -> one letter of the vocabulary; all other symbols are the same in both."""

TO_IPA = {
    "O": "oʊ", "A": "eɪ", "I": "aɪ", "W": "aʊ", "Y": "ɔɪ", "Q": "əʊ", "ʧ": "tʃ", "ʤ": "dʒ", "ʦ": "ts", "ʣ": "dz",
    "ʨ": "tɕ", "ʥ": "dʑ", "ᵊ": "ə", "ᵻ": "ɪ", "T": "ɾ", "S": "ʃ",
}  # fmt: skip
"""One letter of the vocabulary -> IPA."""

LETTERS = {
    "a": "ˈA", "b": "bˈi", "c": "sˈi", "d": "dˈi", "e": "ˈi", "f": "ˈɛf", "g": "ʤˈi", "h": "ˈAʧ", "i": "ˈI",
    "j": "ʤˈA", "k": "kˈA", "l": "ˈɛl", "m": "ˈɛm", "n": "ˈɛn", "o": "ˈO", "p": "pˈi", "q": "kjˈu", "r": "ˈɑɹ",
    "s": "ˈɛs", "t": "tˈi", "u": "jˈu", "v": "vˈi", "w": "dˈʌbᵊlju", "x": "ˈɛks", "y": "wˈI", "z": "zˈi",
}  # fmt: skip

WEAK = {
    "a": "ɐ", "an": "ən", "the": "ðə", "of": "ʌv", "and": "ænd", "in": "ɪn", "to": "tə", "for": "fɔɹ", "on": "ˌɔn",
    "at": "æt", "is": "ɪz", "it": "ɪt", "as": "æz", "was": "wʌz", "were": "wɜɹ", "are": "ɑɹ", "be": "bi", "by": "bI",
    "or": "ɔɹ", "with": "wɪð", "from": "fɹʌm", "but": "bʌt", "that": "ðæt", "this": "ðɪs", "you": "ju", "he": "hi",
    "she": "ʃi", "we": "wi", "they": "ðA", "his": "hɪz", "her": "hɜɹ", "their": "ðɛɹ", "its": "ɪts", "my": "mI",
    "your": "jʊɹ", "our": "ˌWəɹ", "have": "hæv", "has": "hæz", "had": "hæd", "will": "wɪl", "can": "kæn", "do": "dˌu",
    "us": "ˌʌs", "them": "ðɛm", "if": "ɪf", "than": "ðæn", "i": "I", "i'm": "Im", "it's": "ɪts", "you're": "jʊɹ",
    "we're": "wɪɹ", "they're": "ðɛɹ",
}  # fmt: skip
"""Function words as they sound inside a sentence, without stress."""

WORDS = {
    "miz": "mˈɪz", "kubernetes": "kˌubəɹnˈɛTiz", "nginx": "ˈɛnʤɪn ˈɛks", "linux": "lˈɪnəks", "ubuntu": "ʊbˈʊntu",
    "json": "ʤˈAsᵊn", "sql": "sˈikwəl", "gif": "ɡˈɪf", "jpeg": "ʤˈApɛɡ", "async": "ˈAsɪŋk", "wifi": "wˈIfˌI",
    "covid": "kˈOvɪd", "gui": "ɡˈui", "chatgpt": "ʧˌæt ʤˌi pˌi tˈi", "openai": "ˌOpᵊn ˌA ˈI", "emoji": "ɪmˈOʤi",
    "kilometer": "kəlˈɑməTəɹ", "kilometers": "kəlˈɑməTəɹz", "gigabyte": "ɡˈɪɡəbˌIt", "gigabytes": "ɡˈɪɡəbˌIts",
    "ai": "ˌA ˈI", "tv": "tˌi vˈi",
}  # fmt: skip
"""Words that the lexicon lacks or knows only by another reading; a space separates what is said as two words."""

SPELLED = frozenset([
    "ai", "us", "uk", "un", "eu", "it", "tv", "pc", "hr", "pr", "id", "vr", "ar", "ip", "os", "am", "pm", "ad",
    "bc", "ui", "ux", "la", "dc", "ny",
])  # fmt: skip
"""Upper-case words that are said letter by letter although the lexicon knows a word of that spelling."""
