"""A plan in the making: constants from what was read, choices of the model for what was left open.

Without a model the plain answer is taken in each place. Whether the plan can be run is not asked here (repair.py).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from spinbot.planner.choices import PLAIN, Llm, choose_template, choose_voice, fill_plan, offers
from spinbot.planner.grammar import Choice, Constant, Span
from spinbot.planner.manifest import Manifest, TemplateEntry, VoiceEntry
from spinbot.planner.plan import Plan, Reason
from spinbot.planner.reader import Asked, Reading

MAX_TOPIC = 500
"""Characters that `write_script` takes."""


class Draft:
    """Makes one plan."""

    def __init__(self, reading: Reading, manifest: Manifest, llm: Llm | None, portrait: str | None) -> None:
        self._reading = reading
        self._manifest = manifest
        self._llm = llm
        self._portrait = portrait
        self._reasons: dict[str, Reason] = {}
        self._notes = list(reading.notes)

    def plan(self) -> Plan:
        """The plan. Raises `ModelError` where the model fails."""
        template = self._template()
        fields = self._scenes() if template == "scenes" else self._narration()
        fields |= {name: Constant(value) for name, value in self._options(template).items()}
        params = self._filled(fields)
        return Plan(template=template, params=params, reasons=self._reasons, notes=self._notes)

    def _because(self, field: str, by: Literal["prompt", "model", "spinbot"], why: str) -> None:
        self._reasons[field] = Reason(by=by, why=why)

    def _request(self) -> str:
        """The prompt as the model sees it: its options are struck out."""
        return ", ".join(" ".join(piece.words) for piece in self._reading.pieces)

    # Which template

    def _template(self) -> str:
        reading = self._reading
        if reading.sound_only:
            if reading.scene_count > 1:
                self._notes.append("sound without a picture has no scenes: it is one recording")
            self._because("template", "prompt", f"it says {reading.sound_only!r}")
            return "voice_over"
        if reading.scenes_sure and reading.scene_count > 1:
            self._because("template", "prompt", f"it asks for {reading.scene_count} scenes")
            return "scenes"
        offered = offers([entry.name for entry in self._manifest.templates if self._possible(entry)])
        request = self._request()
        if self._llm is None or not request or offered == [PLAIN]:
            self._because("template", "spinbot", "nothing else is asked for")
            return PLAIN
        odds = choose_template(self._llm, request, offered)
        best = max(odds, key=odds.__getitem__)
        self._because("template", "model", f"the likeliest kind of request, by {odds[best]:.1f} nats")
        return best

    def _possible(self, entry: TemplateEntry) -> bool:
        """Whether a template has every option that the prompt names, and no word speaks against it."""
        reading, known = self._reading, entry.parameters["properties"]
        if entry.name == "scenes":
            return len(reading.scenes) > 1
        named = {_parameter(name) for name in reading.asked}
        only_sound_is_likely = reading.speaks_of_sound and not reading.wants_picture
        return named <= known.keys() and ("portrait" in known or only_sound_is_likely)

    # What is said

    def _narration(self) -> dict[str, Choice]:
        reading = self._reading
        script = reading.script or "\n\n".join(scene.script for scene in reading.scenes)
        if script:
            self._because("script", "prompt", "it is given word for word")
            return {"script": Constant(script)}
        return {"topic": self._topic("topic")}

    def _topic(self, field: str) -> Choice:
        """Left to the model; without one, the longest piece of the prompt from where it last may begin."""
        pieces = self._reading.pieces
        if self._llm is not None:
            self._because(field, "model", "these words of the prompt are the likeliest topic")
            return Span(pieces)
        self._because(field, "spinbot", "the longest piece of the prompt")
        longest = max(pieces, key=lambda piece: len(piece.words))
        return Constant(" ".join(longest.words[max(longest.starts) :]))

    def _scenes(self) -> dict[str, Choice]:
        reading = self._reading
        if reading.scenes:
            self._because("scenes", "prompt", "each scene is what it says of it")
            if reading.scene_count > len(reading.scenes):
                self._notes.append(
                    f"{reading.scene_count} scenes are announced and {len(reading.scenes)} described: those are made"
                )
            said = [{"script": s.script} if s.script else {"topic": _tidy(s.topic)} for s in reading.scenes]
            lengths = [scene.seconds for scene in reading.scenes]
        else:
            topic = self._filled({"topic": self._topic("scenes")})["topic"]
            self._notes.append(
                f"it does not say what each of {reading.scene_count} scenes is about: all are about {topic!r}"
            )
            said = [{"topic": topic}] * reading.scene_count
            lengths = [None] * reading.scene_count
        scenes = [self._timed(words, seconds, len(said)) for words, seconds in zip(said, lengths, strict=True)]
        return {"scenes": Constant(scenes)}

    def _timed(self, words: Mapping[str, str], seconds: float | None, count: int) -> dict[str, Any]:
        """A scene with its length: its own, that of each, or its share of the whole; a script is as long as it is."""
        asked = self._reading.asked
        if seconds is None and (each := asked.get("seconds_each")):
            seconds = each.value
        if seconds is None and (whole := asked.get("seconds_total") or asked.get("seconds")):
            seconds = whole.value / count
        return {**words, "seconds": round(seconds, 1)} if seconds is not None and "topic" in words else {**words}

    # How it is made

    def _options(self, template: str) -> dict[str, Any]:
        """Options that the prompt names, as far as the template has them; and what they bring along."""
        known = self._manifest.template(template).parameters["properties"]
        params: dict[str, Any] = {}
        engines: dict[str, str] = {}
        for name, asked in self._reading.asked.items():
            if name.startswith("engine."):
                engines[name.removeprefix("engine.")] = asked.value
                self._because("engine", "prompt", f"it says {asked.words!r}")
        for name, asked in self._reading.asked.items():
            field = _parameter(name)
            if field == "engine":
                continue
            if field == "voice":
                voice = self._voice(asked)
                self._speaker(voice, engines)
                params[field] = voice.name
            elif field == "seconds" and self._reading.script:
                self._notes.append(f"{asked.words!r} is passed over: a script takes as long as it takes to say")
            elif field == "seconds" and template == "scenes":
                continue  # it is in the scenes
            elif field not in known:
                self._notes.append(f"{asked.words!r} is passed over: {template} has no {field}")
            else:
                params[field] = asked.value
                self._because(field, "prompt", f"it says {asked.words!r}")
        if "portrait" in known:
            params |= self._picture(params, engines)
        return params | ({"engine": engines} if engines else {})

    def _voice(self, asked: Asked) -> VoiceEntry:
        fitting: list[VoiceEntry] = asked.value
        if len(fitting) == 1 or self._llm is None:
            self._because("voice", "prompt", f"it says {asked.words!r}")
            return fitting[0]
        self._because("voice", "model", f"of {len(fitting)} voices the likeliest for {asked.words!r}")
        return choose_voice(self._llm, asked.words, fitting)

    def _speaker(self, voice: VoiceEntry, engines: dict[str, str]) -> None:
        """See to it that the speech engine is the one that has the voice."""
        asked = self._reading.asked.get("engine.tts")
        if asked is not None and asked.value != voice.engine:
            self._notes.append(f"{asked.words!r} is passed over: the voice {voice.name} is one of {voice.engine}")
        if asked is not None or voice.engine != self._manifest.slots["tts"].default:
            engines["tts"] = voice.engine
            self._because("engine", "spinbot", f"it has the voice {voice.name}")

    def _picture(self, params: Mapping[str, Any], engines: Mapping[str, str]) -> dict[str, str]:
        """The portrait, and with the shipped one the voice that suits it, where no other is asked for."""
        if self._portrait is not None:
            self._because("portrait", "prompt", "it was given")
            return {"portrait": self._portrait}
        shipped = self._manifest.portraits[0]
        self._because("portrait", "spinbot", f"none was given: the shipped portrait {shipped.name}")
        speaker = engines.get("tts", self._manifest.slots["tts"].default)
        if "voice" in params or self._manifest.voice(shipped.voice, speaker) is None:
            return {"portrait": shipped.artifact}
        self._because("voice", "spinbot", f"it suits the shipped portrait {shipped.name}")
        return {"portrait": shipped.artifact, "voice": shipped.voice}

    def _filled(self, fields: Mapping[str, Choice]) -> dict[str, Any]:
        """The values of the fields; the model is asked where one is open."""
        settled = {name: choice.value for name, choice in fields.items() if isinstance(choice, Constant)}
        if len(settled) < len(fields):
            assert self._llm is not None, "without a model nothing is left open"
            settled = fill_plan(self._llm, self._request(), fields)
        return settled | ({"topic": _tidy(settled["topic"])} if "topic" in settled else {})


def _parameter(name: str) -> str:
    """The parameter of a template that an option of a reading becomes: `seconds_each` -> `seconds`."""
    return name.partition(".")[0].partition("_")[0]


def _tidy(topic: str) -> str:
    return topic.strip(" .,;:/-")[:MAX_TOPIC]
