"""Captions: complete, readable, in time, valid as SRT and WebVTT, and burnt in where they belong."""

from __future__ import annotations

import re
from itertools import pairwise

import numpy as np
import pytest

from spinbot.media.audio import write_wav
from spinbot.media.captions import Style, cues, line_chars, to_ass, to_srt, to_vtt
from spinbot.media.timing import Word
from spinbot.media.video import FrameWriter, finish, read_frames

TEXT = (
    "Good evening, everyone! Tonight I would like to show you how to make the best tomato soup you have ever tasted, "
    "and it only takes about twenty minutes. First, roast the tomatoes with a little garlic, some olive oil and a "
    "pinch of salt, until the edges turn dark and sweet. Then, blend everything with warm stock. That is it."
)


def spoken(text: str, start: float = 0.0) -> list[Word]:
    """Words of `text` at the pace of a calm speaker, with pauses after punctuation."""
    words = []
    for token in text.split():
        end = start + 0.08 + 0.05 * len(token)
        words.append(Word(text=token, start=start, end=end))
        start = end + {".": 0.5, "!": 0.5, ",": 0.2}.get(token[-1], 0.02)
    return words


@pytest.mark.parametrize("max_chars", [18, 22, 30, 42])
def test_cues_hold_all_words_within_the_limits(max_chars):
    captions = cues(spoken(TEXT), max_chars=max_chars)
    assert " ".join(cue.text for cue in captions).split() == TEXT.split()
    for cue in captions:
        lines = cue.text.split("\n")
        assert len(lines) <= 2
        assert max(map(len, lines)) <= max_chars
        assert 0.5 < cue.end - cue.start < 7
        assert cue.start <= cue.lines[0][0].start
        assert cue.end >= cue.lines[-1][-1].end
    for left, right in pairwise(captions):
        assert left.end <= right.start
        assert right.start - left.end == 0 or right.start - left.end > 0.15  # no flicker


def test_breaks_fall_where_a_reader_pauses():
    captions = cues(spoken(TEXT))
    texts = [cue.text for cue in captions]
    assert texts[0] == "Good evening, everyone!"
    assert sum(text[-1] in ".,!" for text in texts) >= len(texts) - 1  # one sentence is too long for a cue
    ends = {line.split()[-1] for text in texts for line in text.split("\n")}
    assert not ends & {"the", "a", "of", "to", "and", "with"}


def test_a_silence_ends_a_cue_which_then_goes_away():
    captions = cues(spoken("Here it is") + spoken("and here again.", start=5.0))
    assert [cue.text for cue in captions] == ["Here it is", "and here again."]
    assert captions[0].end < 2.0


def test_a_word_longer_than_a_line_is_cut():
    captions = cues([Word(text="x" * 50, start=0, end=2)], max_chars=20)
    assert "".join(cue.text.replace("\n", "") for cue in captions) == "x" * 50
    assert max(len(line) for cue in captions for line in cue.text.split("\n")) == 20


def test_odd_word_times_do_no_harm():
    words = [Word(text="one", start=1, end=1), Word(text="two", start=0.9, end=0.2), Word(text=" ", start=1, end=2)]
    captions = cues([*words, Word(text="three.", start=0.95, end=3)])
    assert sorted(" ".join(cue.text for cue in captions).split()) == ["one", "three.", "two"]
    assert all(cue.end > cue.start for cue in captions)
    assert cues([]) == []


CLOCK = r"\d\d:[0-5]\d:[0-5]\d{}\d{{3}}"


def test_srt_is_valid():
    text = to_srt(cues(spoken(TEXT + " a --> b", start=3598.5)))
    for number, block in enumerate(text.rstrip("\n").split("\n\n"), 1):
        index, times, *lines = block.split("\n")
        assert index == str(number)
        assert re.fullmatch(CLOCK.format(",") + " --> " + CLOCK.format(","), times)
        assert 1 <= len(lines) <= 2
        assert all(line and "-->" not in line for line in lines)
    assert "01:00:0" in text


def test_vtt_is_valid():
    header, *blocks = to_vtt(cues(spoken("Tom & <Jerry> say hello. " + TEXT))).rstrip("\n").split("\n\n")
    assert header == "WEBVTT"
    for block in blocks:
        times, *lines = block.split("\n")
        assert re.fullmatch(CLOCK.format(r"\.") + " --> " + CLOCK.format(r"\."), times)
        assert 1 <= len(lines) <= 2
    assert "Tom &amp; &lt;Jerry&gt; say hello." in blocks[0]


def burnt(tmp_path, size, ass):
    """A plain grey frame without and with the captions, as float arrays."""
    width, height = size
    with FrameWriter(tmp_path / "v.mp4", width=width, height=height) as writer:
        for _ in range(3):
            writer.write(np.full((height, width, 3), 90, np.uint8))
    write_wav(tmp_path / "s.wav", np.zeros(2000, np.float32), 24000)
    folder = tmp_path / "it's, a [strange]: name;"  # every character that a filter graph treats in its own way
    folder.mkdir(exist_ok=True)
    (folder / "c.ass").write_text(ass)
    finish(
        tmp_path / "v.mp4",
        tmp_path / "s.wav",
        tmp_path / "o.mp4",
        poster_png=tmp_path / "p.png",
        title="t",
        captions_ass=folder / "c.ass",
        preset="veryfast",
    )
    before, after = (list(read_frames(tmp_path / name))[1].astype(float) for name in ("v.mp4", "o.mp4"))
    return before, after


@pytest.mark.parametrize("size", [(360, 360), (360, 640), (640, 360)])
def test_burnt_captions_stay_in_the_lower_third(tmp_path, size):
    width, height = size
    captions = cues(spoken("You have never ever tasted the best tomato soup"), max_chars=line_chars(size))[:1]
    before, after = burnt(tmp_path, size, to_ass(captions, size))
    changed = np.abs(after - before).max(axis=2) > 12
    rows, columns = np.flatnonzero(changed.any(axis=1)), np.flatnonzero(changed.any(axis=0))
    assert rows[0] >= height * 2 / 3
    assert rows[-1] < height * (0.87 if height > width else 0.96)
    assert columns[0] > 0.03 * width
    assert columns[-1] < 0.97 * width
    assert abs((columns[0] + columns[-1]) / 2 - width / 2) < 0.02 * width
    assert after.max() > 250  # white type ...
    assert after.min() < 40  # ... in a dark outline


def test_the_spoken_word_is_highlighted(tmp_path):
    captions = cues([Word(text="now", start=0, end=0.5), Word(text="later", start=0.5, end=1)])
    _, after = burnt(tmp_path, (360, 360), to_ass(captions, (360, 360), Style(highlight="FF0000")))
    red = (after[..., 0] > 200) & (after[..., 1] < 60)
    white = after.min(axis=2) > 230
    assert red.sum() > 50
    assert white.sum() > 50
    assert np.flatnonzero(red.any(axis=0))[-1] < np.flatnonzero(white.any(axis=0))[0]  # "now" stands before "later"


@pytest.mark.parametrize("text", [r"{\an8\fs99}", r"C:\New", "{}", "\\"])
def test_text_is_never_taken_for_an_order(tmp_path, text):
    captions = cues([Word(text=text, start=0, end=1)])
    before, after = burnt(tmp_path, (360, 360), to_ass(captions, (360, 360)))
    rows = np.flatnonzero((np.abs(after - before).max(axis=2) > 12).any(axis=1))
    assert rows[0] > 240  # neither moved nor enlarged ...
    assert rows[-1] - rows[0] < 40  # ... nor broken into two lines
    assert after.max() > 200  # and not swallowed
