"""What a prompt says in so many words is read; what only looks like an option is left in the topic."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

from spinbot.config import Settings
from spinbot.errors import InputError
from spinbot.models.catalogue import load_catalogue
from spinbot.models.store import ModelStore
from spinbot.planner.manifest import EngineEntry, Manifest, VoiceEntry, capabilities
from spinbot.planner.reader import Reading, read
from spinbot.planner.text import LOOK_ALIKES, OPTION_WORDS, prepare

VOICES = {
    "stock:kumo": ("kokoro", "male, low and calm; the clearest, and the default"),
    "stock:alpha": ("kokoro", "female, bright and brisk"),
    "stock:gongitsune": ("kokoro", "female, low and slow"),
    "stock:nezumi": ("kokoro", "female, warm"),
    "joe": ("piper", "male, even; fast and plain"),
}


@pytest.fixture(scope="module")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> Manifest:
    """The manifest of an installation in which all engines can run, but one."""
    settings = Settings(home=tmp_path_factory.mktemp("home"))
    found = capabilities(settings, ModelStore(settings.models_dir, load_catalogue()))
    slots = {
        slot: entry.model_copy(update={"engines": [e.model_copy(update={"missing": []}) for e in entry.engines]})
        for slot, entry in found.slots.items()
    }
    broken = EngineEntry(name="hifi", models=["hifi"], memory_bytes=1, missing=["hifi"])
    slots["tts"] = slots["tts"].model_copy(update={"engines": [*slots["tts"].engines, broken]})
    voices = [VoiceEntry(name=n, engine=e, language="en-US", description=d) for n, (e, d) in VOICES.items()]
    return found.model_copy(update={"slots": slots, "voices": voices})


def values(reading: Reading) -> dict[str, Any]:
    """The options, voices by name."""
    return {
        name: [voice.name for voice in asked.value] if name == "voice" else asked.value
        for name, asked in reading.asked.items()
    }


def topic(reading: Reading) -> str:
    return " | ".join(" ".join(piece.words) for piece in reading.pieces)


@pytest.mark.parametrize(
    ("prompt", "options"),
    [
        ("why cats purr", {}),
        ("cats, twenty seconds", {"seconds": 20}),
        ("a 20-second video about cats", {"seconds": 20}),
        ("a 12 second vertical video about cats", {"seconds": 12, "aspect": "9:16"}),
        ("why 60 seconds make a short video", {}),
        ("cats for half a minute", {"seconds": 30}),
        ("a minute and a half about cats", {"seconds": 90}),
        ("two and a half minutes on cats", {"seconds": 150}),
        ("1 min 30 s on cats", {"seconds": 90}),
        ("make a minute long explanation of cats", {"seconds": 60}),
        ("~15s: cats", {"seconds": 15}),
        ("cats / length: 12.5 s", {"seconds": 12.5}),
        ("5 minute video about cats, no 2 minutes", {"seconds": 120}),
        ("make it a minute, or rather forty seconds, about cats", {"seconds": 40}),
        ("two scenes on cats, 8 seconds each", {"seconds_each": 8}),
        ("cats and dogs, 30 seconds in total", {"seconds_total": 30}),
        ("cats n dogs, 18 secs thx", {"seconds": 18}),
        ("cats, a quarter of a minute", {"seconds": 15}),
        ("a longer video, say two minutes, about cats", {"seconds": 120}),
        ("why a minute has 60 seconds", {}),
        ("how long is a minute on the moon?", {}),
        ("5 minute recipes for busy people", {}),
        ("what you can do in 60 seconds after a fall", {}),
        ("a vertical clip about cats", {"aspect": "9:16"}),
        ("cats; portrait; please", {"aspect": "9:16"}),
        ("cats in portrait mode", {"aspect": "9:16"}),
        ("cats, 9 x 16", {"aspect": "9:16"}),
        ("an instagram story about cats", {"aspect": "9:16"}),
        ("for tiktok: cats", {"aspect": "9:16"}),
        ("a square video about cats", {"aspect": "1:1"}),
        ("cats. Make it landscape!", {"aspect": "16:9"}),
        ("a YouTube video about cats", {"aspect": "16:9"}),
        ("format: widescreen, cats", {"aspect": "16:9"}),
        ("cats, wide screen", {"aspect": "16:9"}),
        ("a landscape-format piece on cats", {"aspect": "16:9"}),
        ("not square but vertical, cats", {"aspect": "9:16"}),
        ("the history of portrait painting", {}),
        ("why landscape architects matter", {}),
        ("the square in our town", {}),
        ("the square root of two", {}),
        ("how TikTok changed music", {}),
        ("our portrait gallery in 20 seconds", {"seconds": 20}),
        ("cats without any subtitles", {"captions": "none"}),
        ("cats, captions off", {"captions": "none"}),
        ("cats, I don't want captions", {"captions": "none"}),
        ("cats with burned-in captions", {"captions": "burn"}),
        ("Burn the captions in. Cats.", {"captions": "burn"}),
        ("cats, subtitles burned into the picture", {"captions": "burn"}),
        ("Captions should be part of the video, about cats", {"captions": "burn"}),
        ("cats with subtitles", {"captions": "srt"}),
        ("cats, subtitles as srt files", {"captions": "srt"}),
        ("add subtitles as separate files, cats", {"captions": "srt"}),
        ("a video about how subtitles help people", {}),
        ("the pros and cons of burned captions", {}),
        ("cats, seed 7", {"seed": 7}),
        ("cats (seed=12)", {"seed": 12}),
        ("how to plant 7 seeds", {}),
        ("cats, keep her head still", {"sway": 0}),
        ("cats without head movement", {"sway": 0}),
        ("cats with lots of head movement", {"sway": 2}),
        ("a lively presenter talks about cats", {"sway": 2}),
        ("cats, sway 0.5", {"sway": 0.5}),
        ("still life painting", {}),
        ("voice kumo: cats", {"voice": ["stock:kumo"]}),
        ("stock:nezumi tells about cats", {"voice": ["stock:nezumi"]}),
        ("in joe's voice: cats", {"voice": ["joe"]}),
        ("cats, spoken by gongitsune", {"voice": ["stock:gongitsune"]}),
        ("joe speaks about cats", {"voice": ["joe"]}),
        ("a calm male voice explains cats", {"voice": ["stock:kumo"]}),
        ("cats, female voice, bright and quick", {"voice": ["stock:alpha"]}),
        ("a deep, slow woman's voice about cats", {"voice": ["stock:gongitsune"]}),
        ("with a female voice: cats", {"voice": ["stock:alpha", "stock:gongitsune", "stock:nezumi"]}),
        ("joe biden's life", {}),
        ("why alpha males sleep", {}),
        ("how a warm voice calms babies", {}),
        ("use piper, cats", {"engine.tts": "piper"}),
        ("cats with the engine whisper-base", {"engine.asr": "whisper-base"}),
        ("tts=piper, cats", {"engine.tts": "piper"}),
        ("how to become a piper", {}),
        ("virtical, subtitels burnd in, 15 secnds, abuot cats", {"aspect": "9:16", "captions": "burn", "seconds": 15}),
        ("the squire, a captain and a cautious minuet", {}),
    ],
)
def test_options_are_read_and_topics_are_not(manifest, prompt, options):
    reading = read(prompt, manifest)
    assert values(reading) == options
    assert reading.pieces


@pytest.mark.parametrize(
    ("prompt", "left"),
    [
        ("the life of ants, ten seconds, no captions", "the life of ants"),
        ("20 secs, voice kumo: the story of the first bicycle", "the story of the first bicycle"),
        ("Hello! Please, bread, cheese and wine. Thanks", "bread, cheese and wine"),
        ("Introduce Mrs. Alvarez to the parents (landscape, 20s)", "Introduce Mrs. Alvarez to the parents"),
        ("video: the water cycle / length: 12 s / format: portrait", "the water cycle"),
        ("What is Żółw? vertical", "What is Żółw?"),
    ],
)
def test_what_is_left_holds_the_topic_as_it_is_written(manifest, prompt, left):
    assert left in topic(read(prompt, manifest))


@pytest.mark.parametrize(
    ("prompt", "script"),
    [
        ('Have her say: "Welcome. We open at nine."', "Welcome. We open at nine."),
        ("Let him say 'Hello there, friends.' in widescreen", "Hello there, friends."),
        ("she reads “Curly quotes are fine.” please", "Curly quotes are fine."),
        ("Say exactly this: We are closed. Come back soon!", "We are closed. Come back soon!"),
        ("say: Hello everyone. This is my test. Vertical, please. 10 seconds.", "Hello everyone. This is my test."),
        ("Read this aloud for me, audio only: Be on time.", "Be on time."),
        ('with the words "No captions, seed 5, vertical."', "No captions, seed 5, vertical."),
        ('a talk about the book "The Voice of Alpha"', ""),
    ],
)
def test_what_is_to_be_said_word_for_word_is_taken_so(manifest, prompt, script):
    assert read(prompt, manifest).script == script


def test_options_beside_a_script_are_read_and_those_inside_are_not(manifest):
    reading = read('Make joe say "Switch captions off, and turn your phone to portrait." in widescreen', manifest)
    assert values(reading) == {"aspect": "16:9"}
    reading = read('joe says "Please hold the line."', manifest)
    assert (reading.script, values(reading)) == ("Please hold the line.", {"voice": ["joe"]})


@pytest.mark.parametrize(
    ("prompt", "scenes", "sure"),
    [
        ("scene 1: the egg. scene 2: the hen", ["the egg", "the hen"], True),
        ("Part one explains love, part two explains hate", ["love", "hate"], True),
        ("Scene 1 - the egg\nScene 2 - the hen\n\nburned-in captions", ["the egg", "the hen"], True),
        ("Three scenes: an egg; a chick; a hen, old and wise", ["an egg", "a chick", "a hen, old and wise"], True),
        ("four scenes on the seasons: spring, summer, autumn, winter", ["spring", "summer", "autumn", "winter"], True),
        ("two parts, 10 seconds each: bread and butter", ["bread", "butter"], True),
        ("3 scenes:\n- an egg\n- a chick\n- a hen\nvoice kumo", ["an egg", "a chick", "a hen"], True),
        ("First talk about the sun, then about the moon. 20 s", ["the sun", "the moon"], False),
        ("Show first a tree, then a house and finally a bridge", ["a tree", "a house", "a bridge"], True),
        (
            "Start with the sun. After that show the moon. End with the stars.",
            ["the sun", "the moon", "the stars"],
            True,
        ),
        ("two scenes please, first a greeting, then the hours. 9:16", ["a greeting", "the hours"], True),
        ("1) eggs 2) milk 3) flour, joe's voice", ["eggs", "milk", "flour"], False),
        ("1. eggs\n2. milk\nwidescreen", ["eggs", "milk"], False),
        ('she says "Good morning." and then says "Good night."', ["Good morning.", "Good night."], True),
        ('part one: "I am Ada." part two: "I am Bob."', ["I am Ada.", "I am Bob."], True),
        ("how crime scene investigators work", [], False),
        ("why we first laugh and then cry", [], False),
        ("What did the first scene of the first movie show?", [], False),
        ("the 2 parts of a cell", [], False),
    ],
)
def test_scenes_are_told_apart(manifest, prompt, scenes, sure):
    reading = read(prompt, manifest)
    assert [scene.script or scene.topic for scene in reading.scenes] == scenes
    assert reading.scenes_sure == sure


def test_a_scene_may_have_its_own_length(manifest):
    reading = read("scene 1, 5 seconds: the egg. scene 2, 8 seconds: the hen", manifest)
    assert [(scene.topic, scene.seconds) for scene in reading.scenes] == [("the egg", 5), ("the hen", 8)]
    assert "seconds" not in reading.asked
    reading = read("scene 1: the egg. scene 2: the hen. 10 seconds", manifest)
    assert [scene.seconds for scene in reading.scenes] == [None, None]
    assert values(reading) == {"seconds": 10}


def test_scenes_may_be_announced_without_being_described(manifest):
    reading = read("three scenes about bees", manifest)
    assert (reading.scenes, reading.scene_count) == ([], 3)


@pytest.mark.parametrize(
    ("prompt", "words"),
    [
        ("audio only: how tides work", "audio only"),
        ("just the sound, about wolves", "just the sound"),
        ("an mp3 about bees, please", "mp3"),
        ("no video, it is for the radio: the pigs", "no video"),
        ("a video about voice-over artists", ""),
        ("the sound of music", ""),
    ],
)
def test_that_only_sound_is_wanted_is_read(manifest, prompt, words):
    assert read(prompt, manifest).sound_only == words


def test_what_cannot_be_is_noted(manifest):
    for prompt, note in (
        ("subtitles in French, bread", "captions in French cannot be made: speech and captions are in English"),
        ("bread, in Spanish please", "speech in Spanish cannot be made: speech and captions are in English"),
        ("use hifi, bread", "the engine hifi cannot run: hifi is not installed"),
        ("bread, not in landscape", "'not in landscape': no other shape is asked for, so the video has the default's"),
        ("bread, 20 seconds, 30 seconds", "both '20 seconds' and '30 seconds' are asked for; the latter counts"),
    ):
        assert read(prompt, manifest).notes == [note]
    (note,) = read("use elevenlabs to speak about bread", manifest).notes
    assert note.startswith("there is no engine 'elevenlabs'; there are: smollm2, kokoro, piper")


def test_a_long_script_is_no_long_prompt(manifest):
    script = "A sentence that goes on and on. " * 300
    assert len(read(f'She says "{script}" in landscape', manifest).script) > 9000
    assert len(read(f"say: {script}", manifest).script) > 9000
    with pytest.raises(InputError, match="besides what is to be said"):
        read(script, manifest)


def test_no_prompt_is_too_odd_to_be_read(manifest):
    words = (
        "a of about first then finally scene two 3 1) - \n . , : \" ' say voice kumo joe female calm captions burned no"
    )
    words += (
        " in vertical not seconds 20 minute half use piper with seed still head audio only \x01 \x02 é 中 🐝 'x' \"y"
    )
    draw = random.Random(4)
    for _ in range(300):
        read(" ".join(draw.choice(words.split(" ")) for _ in range(draw.randint(0, 25))), manifest)
    for odd in ("\x00", '"' * 1999, "((((" * 400, "9" * 400 + " seconds video", "sway 9", "İ" * 50, "'"):
        read(odd, manifest)


def test_misspelt_option_words_are_put_right_and_no_other_word():
    text = prepare("Virtical  CLIP, subtitels\n\n\n  two secnds İstanbul")
    assert text.plain == "vertical clip, subtitles\ntwo seconds İstanbul"
    assert text.words(text.plain.index("subtitles"), text.plain.index("\n")) == "subtitels"
    assert prepare(" ".join(sorted(LOOK_ALIKES))).plain == " ".join(sorted(LOOK_ALIKES))


def test_no_english_word_is_taken_for_an_option_word():
    import sqlite3

    import gruut_lang_en

    lexicon = Path(gruut_lang_en.__file__).parent / "lexicon.db"
    with sqlite3.connect(lexicon) as connection:
        words = {word for (word,) in connection.execute("SELECT DISTINCT word FROM word_phonemes") if word.isalpha()}
    connection.close()
    assert {word for word in words if prepare(word).plain != word.lower()} <= set(OPTION_WORDS)
