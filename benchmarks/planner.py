"""How well prompts become plans: `python -m benchmarks.planner [--prompts FILE] [--show] [--only WAY]`.

Forty prompts (planner_prompts.jsonl; planner_second.jsonl has forty others) with the template and the options that
each names. Three ways, with the same weights in the same run: the planner; the same model held to a grammar of the
manifest, with nothing read beforehand; and the same model asked for JSON freely, with the parameters described and
three examples, as people do.

A plan is valid when its graph passes the checks and its voice is there. It uses the named options when each of them has
the value that was named, which for scripts and scenes means word for word and scene by scene. A topic is right when it
holds the words that it is about and none of the words that say how the video is made.
"""

from __future__ import annotations

import argparse
import json
import re
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import torch

import spinbot.graphs.nodes  # noqa: F401  # registers the node types
from spinbot.config import Settings
from spinbot.engines.script import grammar, weights
from spinbot.engines.script.answers import Answers
from spinbot.engines.script.llama import Llama
from spinbot.engines.script.prompt import ask, turn
from spinbot.errors import SpinbotError
from spinbot.graphs.check import check
from spinbot.graphs.templates import TEMPLATES
from spinbot.media import portraits
from spinbot.models.catalogue import load_catalogue
from spinbot.models.store import ModelStore
from spinbot.planner.grammar import Choice, OneOf, Piece, Span, plan_grammar
from spinbot.planner.manifest import Manifest, capabilities
from spinbot.planner.planner import plan_prompt
from spinbot.store.artifacts import LocalArtifacts

PROMPTS = Path(__file__).with_name("planner_prompts.jsonl")
Made = tuple[str, dict[str, Any]]
"""Template and parameters."""

EXAMPLES = (
    (
        "please make a vertical 30 second video about how rain forms, burn in the captions",
        '{"template": "talking_portrait", "topic": "how rain forms", "seconds": 30, "aspect": "9:16", '
        '"captions": "burn"}',
    ),
    (
        "two scenes: the farm; the market. voice nezumi",
        '{"template": "scenes", "scenes": [{"topic": "the farm"}, {"topic": "the market"}], "voice": "stock:nezumi"}',
    ),
    (
        'record only the sound of somebody saying "Leave a message." with seed 4',
        '{"template": "voice_over", "script": "Leave a message.", "seed": 4}',
    ),
)


class Model:
    """The weights of the script engine."""

    def __init__(self, folder: Path) -> None:
        torch.set_num_threads(1)
        tensors, shape = weights.read(weights.derived(folder))
        self.llama = Llama(tensors, shape, trunk=2048, branches=1, steps=1, device="cpu")
        self.language = grammar.read(weights.derived(folder), 1)
        self.answers = Answers(self.llama, self.language)

    @torch.inference_mode()
    def complete(self, prompt: str, most: int = 200) -> str:
        """Greedy, up to the end of the message."""
        end = self.language.encode("<|im_end|>")[0]
        self.llama.cut(0)
        logits, tokens = self.llama.extend(self.language.encode(prompt)), []
        while len(tokens) < most and (token := int(logits.argmax())) != end:
            tokens.append(token)
            logits = self.llama.extend([token])
        return self.language.decode(tokens)


def free_json(model: Model, manifest: Manifest, prompt: str) -> Made:
    """The model is asked for JSON and may write what it likes."""
    lines = []
    for entry in manifest.templates:
        fields = {name for name in entry.parameters["properties"] if name not in ("portrait", "engine")}
        lines.append(f"{entry.name}: {entry.description} Fields: {', '.join(sorted(fields))}.")
    rules = (
        "aspect is 9:16, 1:1 or 16:9. captions is burn, srt or none. voice is one of "
        f"{', '.join(voice.name for voice in manifest.voices)}. Use only the fields that the request names."
    )
    system = "You turn requests into JSON. Templates:\n" + "\n".join(lines) + "\n" + rules
    shots = "".join(f"{ask(request)}{answer}<|im_end|>\n" for request, answer in EXAMPLES)
    text = model.complete(turn("system", system) + shots + ask(prompt))
    found = re.search(r"\{.*\}", text, flags=re.S)
    made = json.loads(found.group() if found else text)
    return made.pop("template"), made


def grammar_only(model: Model, manifest: Manifest, prompt: str) -> Made:
    """The model fills every field under a grammar of the manifest; nothing is read beforehand."""
    portrait, words = manifest.template("talking_portrait"), prompt.split()
    fields: dict[str, Choice] = {
        "template": OneOf([entry.name for entry in manifest.templates if entry.name != "scenes"]),
        "topic": Span([Piece(words, frozenset(range(len(words))), frozenset(range(len(words))))]),
        "seconds": OneOf([10, *range(4, 121)]),
        "aspect": OneOf(portrait.choices("aspect")),
        "captions": OneOf(portrait.choices("captions")),
        "voice": OneOf([voice.name for voice in manifest.voices]),
    }
    video, sound = "talking_portrait", "voice_over"
    examples = (
        (
            "a vertical 30 second video about how rain forms, burn in the captions",
            (video, "how rain forms", 30, "9:16", "burn", "stock:kumo"),
        ),
        (
            "the history of chess in landscape, without captions, voice alpha",
            (video, "the history of chess", 10, "16:9", "none", "stock:alpha"),
        ),
        (
            "just the sound: a greeting for my guests",
            (sound, "a greeting for my guests", 10, "1:1", "srt", "stock:kumo"),
        ),
    )
    shots = "".join(
        f"{ask(request)}{json.dumps(dict(zip(fields, values, strict=True)))}<|im_end|>\n"
        for request, values in examples
    )
    context = turn("system", "You turn requests for videos into JSON.") + shots
    made = json.loads(model.answers.fill(context, ask(prompt), plan_grammar(fields)))
    if made["template"] == "voice_over":
        del made["aspect"], made["captions"]
    voice = next(voice for voice in manifest.voices if voice.name == made["voice"])
    if voice.engine != manifest.slots["tts"].default:
        made["engine"] = {"tts": voice.engine}
    return made.pop("template"), made


def is_valid(made: Made, manifest: Manifest, artifacts: LocalArtifacts, settings: Settings) -> bool:
    """Whether a plan can be run."""
    template, params = made
    try:
        kind = TEMPLATES[template]
        if "portrait" in kind.model_fields:
            params.setdefault("portrait", manifest.portraits[0].artifact)
        document = kind.model_validate(params).graph()
    except (SpinbotError, ValueError, KeyError, TypeError):
        return False
    speaker = params.get("engine", {}).get("tts", manifest.slots["tts"].default)
    voice = params.get("voice", "")
    return not check(document, artifacts=artifacts, settings=settings)[0] and (
        not voice or manifest.voice(voice, speaker) is not None
    )


def options_used(made: Made, case: dict[str, Any]) -> tuple[int, int]:
    """How many of the named options have their value, and how many there are."""
    _, params = made
    right = []
    scenes = params.get("scenes", [])
    scenes = [scene for scene in scenes if isinstance(scene, dict)] if isinstance(scenes, list) else []
    for name, value in case["options"].items():
        if name == "seconds_total":
            right.append(abs(sum(scene.get("seconds", 10) for scene in scenes) - value) < 0.5)
        elif name == "seconds" and case["template"] == "scenes":
            right.append(bool(scenes) and all(scene.get("seconds", 10) == value for scene in scenes))
        elif name == "engine":
            given = params.get("engine")
            right.append(isinstance(given, dict) and value.items() <= given.items())
        else:
            right.append(same(params.get(name, default(case["template"], name)), value))
    if "scenes" in case:
        right.append(len(scenes) == len(case["scenes"]))
        for number, wanted in enumerate(case["scenes"]):
            scene = scenes[number] if number < len(scenes) else {}
            if "script" in wanted:
                right.append(scene.get("script") == wanted["script"])
            else:
                right.append(all(word in str(scene.get("topic", "")).lower() for word in wanted["has"]))
    return sum(right), len(right)


def default(template: str, name: str) -> Any:
    field = TEMPLATES[template].model_fields.get(name)
    return field.default if field else None


def same(value: Any, wanted: Any) -> bool:
    if isinstance(wanted, str):
        return value == wanted
    return isinstance(value, int | float) and abs(value - wanted) < 1e-6


def topic_right(made: Made, case: dict[str, Any]) -> bool | None:
    """None where the prompt has a script or scenes."""
    if "scenes" in case or "script" in case["options"]:
        return None
    topic = str(made[1].get("topic", "")).lower()
    words = set(re.findall(r"[\w:']+", topic))
    wanted, unwanted = case["topic"]["has"], case["topic"]["lacks"]
    return all(word in topic for word in wanted) and not words & set(unwanted)


def judge(
    name: str, way: Callable[[str], Made], cases: list[dict[str, Any]], world: Any, show: bool
) -> dict[str, float]:
    """Ask for every plan and count."""
    valid = template = all_options = used = named = topics = topic_cases = 0
    times = []
    for case in cases:
        began = time.perf_counter()
        try:
            made: Made = way(case["prompt"])
        except (SpinbotError, ValueError, KeyError, TypeError, AttributeError) as error:
            made = ("", {})
            if show:
                print(f"  {name}: {type(error).__name__}: {error}"[:160])
        times.append(time.perf_counter() - began)
        ok, (right, count), topic = is_valid(made, *world), options_used(made, case), topic_right(made, case)
        valid += ok
        template += made[0] == case["template"]
        all_options += right == count
        used, named = used + right, named + count
        topics, topic_cases = topics + (topic is True), topic_cases + (topic is not None)
        if show and not (ok and made[0] == case["template"] and right == count and topic is not False):
            print(
                f"  {name}: {case['prompt']!r}\n      {'valid' if ok else 'NOT VALID'} {right}/{count} {topic} {made}"
            )
    total = len(cases)
    return {
        "valid": valid / total,
        "right template": template / total,
        "all named options": all_options / total,
        "named options": used / named,
        "topic right": topics / topic_cases,
        "seconds (median)": median(times),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--prompts", type=Path, default=PROMPTS)
    parser.add_argument("--show", action="store_true", help="print every plan that is not as it should be")
    parser.add_argument("--only", default="", help="planner, grammar or free")
    options = parser.parse_args()
    cases = [json.loads(line) for line in options.prompts.read_text().splitlines()]
    settings = Settings()
    models = ModelStore(settings.models_dir, load_catalogue())
    manifest = capabilities(settings, models)
    model = Model(models.path("smollm2-135m-instruct"))
    with tempfile.TemporaryDirectory() as scratch:
        artifacts = LocalArtifacts(Path(scratch))
        artifacts.put_bytes(portraits.path("demo").read_bytes())
        world = (manifest, artifacts, settings)

        def planner(prompt: str) -> Made:
            plan = plan_prompt(prompt, manifest, model.answers, artifacts=artifacts, settings=settings)
            return plan.template, dict(plan.params)

        ways: dict[str, Callable[[str], Made]] = {
            "planner": planner,
            "grammar alone": lambda prompt: grammar_only(model, manifest, prompt),
            "free JSON": lambda prompt: free_json(model, manifest, prompt),
        }
        rows = {
            name: judge(name, way, cases, world, options.show) for name, way in ways.items() if options.only in name
        }
    print(f"\n{len(cases)} prompts\n\n| | {' | '.join(rows)} | planner against the best other |")
    print("|---" * (len(rows) + 2) + "|")
    for measure in next(iter(rows.values())):
        figures = [row[measure] for row in rows.values()]
        if measure.startswith("seconds"):
            print(f"| {measure} | " + " | ".join(f"{figure:.2f}" for figure in figures) + " | |")
            continue
        best = max(figures[1:], default=0.0)
        ratio = f"{figures[0] / best:.2f}" if best else "-"
        print(f"| {measure} | " + " | ".join(f"{figure:.0%}" for figure in figures) + f" | {ratio} |")


if __name__ == "__main__":
    main()
