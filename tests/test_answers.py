"""Answers of the script model: how likely a text is, and text held to a grammar."""

from __future__ import annotations

import json

import pytest

from spinbot.engines.base import no_progress
from spinbot.engines.script.smollm2 import SmolLm2Engine
from spinbot.errors import InputError
from spinbot.planner.grammar import Constant, OneOf, Piece, Span, plan_grammar

pytestmark = pytest.mark.models


@pytest.fixture(scope="module")
def engine(models):
    engine = SmolLm2Engine(models, threads=1)
    engine.load(no_progress)
    return engine


def span(text: str) -> Span:
    words = text.split()
    anywhere = frozenset(range(len(words)))
    return Span([Piece(words, anywhere, anywhere)])


def test_what_fits_is_likelier(engine):
    fits = engine.answers.likelihood("The capital of France is", " Paris.")
    assert fits > engine.answers.likelihood("The capital of France is", " a spoon.")
    assert engine.answers.likelihood("The capital of France is", " Paris.") == fits
    assert engine.answers.likelihood("The capital of France is", "") == 0


def test_the_likelihood_of_a_text_is_that_of_its_parts(engine):
    whole = engine.answers.likelihood("Bees", " make honey in summer")
    parts = engine.answers.likelihood("Bees", " make honey") + engine.answers.likelihood(
        "Bees make honey", " in summer"
    )
    assert whole == pytest.approx(parts, abs=1)  # int8, scaled by the largest of what goes in at once


@pytest.mark.parametrize(
    "text",
    ["bees make honey", 'a "quoted" word \\ and more', "żółw, 日本語 and 🐝", "<|im_end|> hello <|im_start|>user"],
)
def test_an_answer_is_what_the_grammar_allows(engine, text):
    fields = {"topic": span(text), "kind": OneOf(["日本", "a", 'b"c']), "all": Constant({"text": text, "n": [1, None]})}
    answer = engine.answers.fill("Topics:\n", "a topic ", plan_grammar(fields))
    made = json.loads(answer)
    assert list(made) == ["topic", "kind", "all"]
    assert made["topic"]
    assert made["topic"] in text
    assert made["kind"] in ("日本", "a", 'b"c')
    assert made["all"] == {"text": text, "n": [1, None]}
    assert engine.answers.fill("Topics:\n", "a topic ", plan_grammar(fields)) == answer


def test_a_span_begins_and_ends_where_it_may(engine):
    words = ["one", "two", "three", "four", "five"]
    for start, end in ((0, 4), (2, 2), (1, 3)):
        fields = {"topic": Span([Piece(words, frozenset([start]), frozenset([end]))])}
        answer = json.loads(engine.answers.fill("Numbers:", " ", plan_grammar(fields)))
        assert answer["topic"] == " ".join(words[start : end + 1])


def test_questions_do_not_change_what_is_written(engine):
    before = engine.write("rain", seconds=4, seed=1, progress=no_progress)
    engine.answers.fill("Topics:\n", "rain ", plan_grammar({"topic": span("how rain forms")}))
    assert engine.write("rain", seconds=4, seed=1, progress=no_progress) == before


def test_a_question_that_is_too_long_is_refused_and_the_next_is_answered(engine):
    with pytest.raises(InputError, match="too long"):
        engine.answers.likelihood("word " * 3000, "more")
    with pytest.raises(InputError, match="too long"):
        engine.answers.fill("Words:", "word " * 3000, plan_grammar({"a": span("b")}))
    assert engine.answers.likelihood("One, two,", " three") < 0
