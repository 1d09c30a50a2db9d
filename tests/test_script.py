"""The script engine: what comes out of it, what it refuses, and how sentences are judged."""

from __future__ import annotations

import re

import pytest

from spinbot.engines.base import no_progress
from spinbot.engines.script import quality
from spinbot.engines.script.prompt import plain
from spinbot.engines.script.smollm2 import SmolLm2Engine, check, spoken, wanted
from spinbot.errors import CancelledError, InputError, ModelError
from spinbot.media.words import split_sentences

SAID = ["Black holes are regions of space where gravity is strong."]
CLEAN = re.compile(r"[A-Z][A-Za-z0-9 ,.'$-]+[.!]")


@pytest.mark.parametrize(
    ("sentence", "earlier", "topic", "found"),
    [
        ("Tomato soup is a classic comfort food.", [], "tomato soup", ""),
        ("The purring of a cat is a soothing sound.", [], "why cats purr", ""),
        ("They bend the light that passes close to them.", SAID, "black holes", ""),
        ("Black holes pull in every star that comes close.", SAID, "black holes", ""),
        ("Bananas grow in bunches.", [], "tomato soup", "off topic"),
        ("Bananas grow in bunches.", SAID, "black holes", "off topic"),
        ("It is a classic dish of tomato soup.", [], "tomato soup", "starts in the middle"),
        ("As she tasted the tomato soup, the room went quiet.", [], "tomato soup", "starts in the middle"),
        ("As an AI, I can tell you about tomato soup.", [], "tomato soup", "talks about the task"),
        ("Sure, tomato soup is easy to make.", [], "tomato soup", "talks about the task"),
        ("Here is a short text about tomato soup.", [], "tomato soup", "talks about the task"),
        ("Is tomato soup healthy?", [], "tomato soup", "not plain prose"),
        ("Tomato soup by [name] is good.", [], "tomato soup", "not plain prose"),
        ("1. Tomato soup\n2. Bread.", [], "tomato soup", "not plain prose"),
        ("Tomato soup is made with a.", [], "tomato soup", "breaks off"),
        ("Tomato soup was created by Dr.", [], "tomato soup", "breaks off"),
        ("While tomato soup can be a healthy dish.", [], "tomato soup", "breaks off"),
        ("Tomato soup is a simple, a simple, a simple way to eat.", [], "tomato soup", "repeats itself"),
        ("Tomato soup soup is good food.", [], "tomato soup", "says a word twice in a row"),
        ("Tomato soup was first cooked in 1969.", [], "tomato soup", "gives a figure that the topic does not have"),
        ("People flew to the Moon in 1969.", [], "the Moon landing of 1969", ""),
        ("Black holes are large.", SAID, "black holes", "begins like an earlier sentence"),
        ("In such regions of space where gravity rules, time slows down.", SAID, "black holes", "repeats a phrase"),
        ("Gravity is strong in all regions near black holes.", SAID, "black holes", "says an earlier sentence again"),
        ("Tomato soup " + "and bread " * 22 + "is good.", [], "tomato soup", "too long"),
    ],
)
def test_a_sentence_is_judged(sentence, earlier, topic, found):
    assert quality.flaw(sentence, earlier=earlier, topic=topic) == found


def test_merit_prefers_plain_statements():
    better = quality.merit("Tomato soup tastes best when it is hot.", topic="tomato soup")
    assert better > quality.merit("I love it when it is hot.", topic="tomato soup")
    assert better > quality.merit("Tomato soup is a testament to Marco Bellini.", topic="tomato soup")


def test_a_title_of_the_topics_words_is_best():
    about = "how vaccines work"
    assert quality.aptness("How Vaccines Work", about=about) > quality.aptness("Why Owls Hunt", about=about)


@pytest.mark.parametrize(
    ("topic", "code"),
    [
        ("", "empty_topic"),
        ("  \n\t ", "empty_topic"),
        ("?!... —", "empty_topic"),
        ("☕☕☕", "empty_topic"),
        ("番茄湯", "empty_topic"),
        ("word " * 101, "topic_too_long"),
    ],
)
def test_a_topic_without_a_word_is_refused_before_the_model_is_touched(topic, code):
    engine = SmolLm2Engine(lambda name: pytest.fail("no weights are needed to refuse a topic"))
    with pytest.raises(InputError) as caught:
        engine.write(topic, seconds=10, seed=0, progress=no_progress)
    assert caught.value.code == code
    assert caught.value.hint


@pytest.mark.parametrize("seconds", [0, 3.9, 121, float("nan")])
def test_a_length_out_of_range_is_refused(seconds):
    with pytest.raises(InputError, match="cannot be written"):
        SmolLm2Engine(lambda name: pytest.fail("untouched")).write(
            "cats", seconds=seconds, seed=0, progress=no_progress
        )


def test_a_topic_is_put_in_plain_characters():
    assert check("café culture in Montréal ☕ — “slow mornings”") == 'cafe culture in Montreal - "slow mornings"'
    assert plain("a <|im_end|> {topic}\nwith # markup") == "a im end topic with markup"


def test_a_missing_model_is_named(tmp_path):
    with pytest.raises(ModelError, match="smollm2-135m-instruct"):
        SmolLm2Engine(lambda name: tmp_path / name).load(no_progress)


@pytest.mark.parametrize("seconds", [4, 10, 33, 120])
def test_sentences_of_the_wanted_length_fill_the_time(seconds):
    total = max(1, round(seconds * 15 / 85))
    for part in ("least", "wanted", "most"):
        sentences = []
        while len(sentences) < total - 1:
            sentences.append("x" * getattr(wanted(sentences, total, seconds), part))
        last = wanted(sentences, total, seconds)
        for size in (last.least, last.most):
            assert abs(spoken([*sentences, "x" * size]) / seconds - 1) <= 0.25


@pytest.fixture(scope="module")
def engine(models):
    engine = SmolLm2Engine(models, threads=1)
    engine.load(no_progress)
    return engine


@pytest.mark.models
@pytest.mark.parametrize(
    ("topic", "seconds"),
    [
        ("cats", 4),
        ("a cheerful chef presents tomato soup", 10),
        ('the lamp "Brïght" — $12.50 <|im_end|>', 8),
        ("qzx", 5),
    ],
)
def test_a_narration_can_be_spoken_in_the_time(engine, topic, seconds):
    draft = engine.write(topic, seconds=seconds, seed=3, progress=no_progress)
    assert abs(spoken(draft.sentences) / seconds - 1) <= 0.25
    assert len(set(draft.sentences)) == len(draft.sentences)
    for number, sentence in enumerate(draft.sentences):
        assert CLEAN.fullmatch(sentence)
        assert not quality.repetition(sentence, draft.sentences[:number])
    assert split_sentences("\n\n".join(draft.sentences)) == draft.sentences  # given back as a text, it is the same
    assert 1 <= len(draft.title) <= 80
    assert re.fullmatch(r"An? [A-Za-z0-9 ,.'$-]+", draft.visual)


@pytest.mark.models
def test_a_seed_gives_one_draft(engine):
    first, again, other = (engine.write("bread", seconds=5, seed=seed, progress=no_progress) for seed in (1, 1, 2))
    assert first == again
    assert first != other


@pytest.mark.models
def test_it_works_after_a_cancel_and_after_a_reload(engine):
    def stop(fraction, message):
        if fraction > 0.1:
            raise CancelledError("stopped")

    before = engine.write("rain", seconds=4, seed=1, progress=no_progress)
    with pytest.raises(CancelledError):
        engine.write("volcanoes", seconds=10, seed=1, progress=stop)
    assert engine.write("rain", seconds=4, seed=1, progress=no_progress) == before
    engine.unload()
    engine.load(no_progress)
    assert engine.write("rain", seconds=4, seed=1, progress=no_progress) == before


@pytest.mark.models
def test_progress_rises_and_names_the_sentence(engine):
    seen = []
    engine.write(
        "a day at the sea", seconds=11, seed=1, progress=lambda fraction, message: seen.append((fraction, message))
    )
    fractions = [fraction for fraction, _ in seen]
    assert fractions[-1] == 1
    assert min(fractions) >= 0
    assert {"sentence 1 of 2", "sentence 2 of 2", "title and picture"} <= {message for _, message in seen}
