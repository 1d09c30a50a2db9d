"""Sentences, how written text is spoken, and comparing a hearing with its script."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spinbot.media.spoken import spoken_words
from spinbot.media.words import LONGEST, comparable_words, split_sentences, word_error_rate

SPOKEN = [
    ("$42.50", "forty two dollars and fifty cents"),
    ("$0.99", "ninety nine cents"),
    ("$1", "one dollar"),
    ("$3 million", "three million dollars"),
    ("$4.2 billion", "four point two billion dollars"),
    ("€3m", "three million euros"),
    ("£2.05", "two pounds and five pence"),
    ("42€", "forty two euros"),
    ("1968", "nineteen sixty eight"),
    ("in 1905", "in nineteen oh five"),
    ("2008", "two thousand eight"),
    ("2021", "twenty twenty one"),
    ("1968 cars", "one thousand nine hundred sixty eight cars"),
    ("the 1990s", "the nineteen nineties"),
    ("the '90s", "the nineties"),
    ("1990-1995", "nineteen ninety to nineteen ninety five"),
    ("3rd", "third"),
    ("21st", "twenty first"),
    ("July 4, 1776", "July fourth seventeen seventy six"),
    ("on 3 May", "on the third of May"),
    ("2024-05-03", "May third twenty twenty four"),
    ("3/4/2020", "March fourth twenty twenty"),
    ("10:30 a.m.", "ten thirty A M"),
    ("9:05", "nine oh five"),
    ("10:00", "ten o'clock"),
    ("10am", "ten A M"),
    ("50%", "fifty percent"),
    ("7-9 hours", "seven to nine hours"),
    ("10-20%", "ten to twenty percent"),
    ("3.14", "three point one four"),
    ("1,234,567", "one million two hundred thirty four thousand five hundred sixty seven"),
    ("-5", "minus five"),
    ("100 km/h", "one hundred kilometers per hour"),
    ("20°C", "twenty degrees Celsius"),
    ("1 km", "one kilometer"),
    ("16 GB", "sixteen gigabytes"),
    ("3.5 kg", "three point five kilograms"),
    ("5 m²", "five square meters"),
    ("Dr. Smith", "Doctor Smith"),
    ("Mr. and Mrs. Lee", "Mister and Missus Lee"),
    ("St. Petersburg", "Saint Petersburg"),
    ("Baker St.", "Baker Street"),
    ("e.g. tea, etc.", "for example tea et cetera"),
    ("No. 5", "number five"),
    ("U.S.", "U S"),
    ("3D", "three D"),
    ("COVID-19", "COVID nineteen"),
    ("R&D", "R and D"),
    ("C++", "C plus plus"),
    ("#1", "number one"),
    ("Henry VIII", "Henry the eighth"),
    ("World War II", "World War two"),
    ("555-0142", "five five five zero one four two"),
    ("007", "zero zero seven"),
    ("https://spinbot.dev/docs", "spinbot dot dev slash docs"),
    ("jo@example.com", "jo at example dot com"),
    ("3/4 cup", "three quarters of a cup"),
    ("½", "one half"),
    ("v3.11.2", "version three point eleven point two"),
    ("well-known", "well known"),
    ("😀", ""),
]


@pytest.mark.parametrize(("written", "spoken"), SPOKEN)
def test_numbers_and_short_forms_are_spoken_as_words(written, spoken):
    assert " ".join(word for item in spoken_words(written) for word in item.spoken) == spoken


def test_every_written_word_keeps_its_form():
    text = 'He paid $42.50 — "cash" — on 3 May 1968, e.g. 😀 today.'
    assert [word.written for word in spoken_words(text)] == text.split()


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("Dr. Smith met J. K. Rowling. They spoke.", ["Dr. Smith met J. K. Rowling.", "They spoke."]),
        ("It grew 3.5% in 2020! Did it?", ["It grew 3.5% in 2020!", "Did it?"]),
        ("We like fruit, e.g. Apples. Yes.", ["We like fruit, e.g. Apples.", "Yes."]),
        (
            "The U.S. Army left. We live in the U.S. The end.",
            ["The U.S. Army left.", "We live in the U.S.", "The end."],
        ),
        ('"Why?" she asked. "Go."', ['"Why?" she asked.', '"Go."']),
        ("He left... Then what? wait... no", ["He left...", "Then what? wait... no"]),
        ("See No. 5 on p. 7 at 10 a.m. tomorrow.", ["See No. 5 on p. 7 at 10 a.m. tomorrow."]),
        ("A title\n\nThe text is\nwrapped. It ends", ["A title", "The text is wrapped.", "It ends"]),
        ("Hello. 😀 —", ["Hello. 😀 —"]),
        ("  \n ", []),
        ("...", []),
    ],
)
def test_sentences(text, sentences):
    assert split_sentences(text) == sentences


def test_a_long_sentence_is_split_at_a_clause():
    text = ("the road goes on and on through the hills, " * 12).strip().rstrip(",") + "."
    pieces = split_sentences(text)
    assert len(pieces) > 1
    assert all(len(piece) <= LONGEST for piece in pieces)
    assert all(piece.endswith(",") for piece in pieces[:-1])


@given(
    st.lists(
        st.sampled_from(
            [
                "Dr.",
                "word,",
                "$5",
                "end.",
                "No.",
                "3",
                "Yes!",
                "U.S.",
                "(so)",
                "\n",
                "-",
                "1,000",
                "A.",
                "B",
                "wait...",
                "“Hm?”",
            ]
        ),
        max_size=120,
    )
)
def test_no_word_is_lost_in_splitting(words):
    text = " ".join(["Start", *words])
    assert " ".join(split_sentences(text)).split() == text.split()


@pytest.mark.parametrize(
    ("script", "heard"),
    [
        ("$42.50", "forty-two dollars and fifty cents"),
        ("Dr. Lee", "doctor Lee"),
        ("1968", "nineteen sixty-eight"),
        ("the third of May", "the 3rd of May"),
        ("3 May 1968", "the 3rd of May, 1968"),
        ("10 a.m.", "10 AM"),
        ("The F.B.I.", "the FBI"),
        ("a web site", "a website"),
        ("don't", "do not"),
        ("205", "two hundred and five"),
        ("1,200 km/h", "1200 kilometres per hour"),
        ("colour", "color"),
        ("Zürich café", "Zurich cafe"),
        ("6:30 p.m.", "6.30pm"),
        ("at 10:30", "at 10.30"),
        ("call 555-0142", "call 5-5-5-0-142"),
    ],
)
def test_writing_does_not_count_as_an_error(script, heard):
    assert word_error_rate(script, heard) == 0


def test_word_error_rate_counts_wrong_missing_and_added_words():
    assert word_error_rate("one cat sat here", "one dog sat here") == 0.25
    assert word_error_rate("one cat sat here", "one cat here") == 0.25
    assert word_error_rate("one cat sat here", "one cat has sat here") == 0.25
    assert word_error_rate("one cat", "") == 1
    assert word_error_rate("", "") == 0
    assert word_error_rate("", "noise") == 1


def test_comparable_words_are_plain():
    assert comparable_words("She won't pay €5, Mr. O'Neil!") == [
        "she",
        "will",
        "not",
        "pay",
        "five",
        "euros",
        "mister",
        "oneil",
    ]
