"""What the studio says: the same in each language, everything that the pages ask for, and nothing that none does."""

from __future__ import annotations

import ast
import re
import string
from collections.abc import Iterator
from pathlib import Path

import pytest

from app_streamlit import words
from app_streamlit.words import LANGUAGES, catalogue
from spinbot.engines.base import SLOTS
from spinbot.engines.lora_trainer.settings import LookSettings
from spinbot.engines.voice_trainer.settings import VoiceSettings
from spinbot.graphs.node import NODES
from spinbot.graphs.templates import TEMPLATES

ROOT = Path(__file__).parent.parent
STUDIO = ROOT / "app_streamlit"
WEB = STUDIO / "parts/web"
SCRIPTS = sorted(STUDIO.rglob("*.py"))
MOUNTS = ast.parse((STUDIO / "parts/mounts.py").read_text())
WORD = "[a-z0-9_]+"
SECTIONS = {key.rpartition(".")[0] for key in catalogue("en")}
NAMED = re.compile(r"\bwords\.([a-z_]+)")


def test_each_language_has_the_same_keys_and_places():
    english = catalogue("en")
    for language in LANGUAGES:
        other = catalogue(language)
        assert other.keys() == english.keys()
        assert {key for key, text in other.items() if _places(text) != _places(english[key])} == set()
        assert {key for key, text in other.items() if not text.strip()} == set()


def _places(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}


def asked(tree: ast.AST, name: str) -> Iterator[ast.expr]:
    """The first argument of each call of a function of that name."""
    for item in ast.walk(tree):
        if isinstance(item, ast.Call) and item.args:
            func = item.func
            called = func.id if isinstance(func, ast.Name) else func.attr if isinstance(func, ast.Attribute) else ""
            if called == name:
                yield from _each(item.args[0])


def _each(argument: ast.expr) -> Iterator[ast.expr]:
    """The expression, or both of `a if x else b`."""
    if isinstance(argument, ast.IfExp):
        yield from (*_each(argument.body), *_each(argument.orelse))
    else:
        yield argument


def pattern(argument: ast.expr) -> str | None:
    """A key as a regular expression, in which what is filled in stands for one word; None where it is a variable."""
    match argument:
        case ast.Constant(value=str(key)):
            return re.escape(key)
        case ast.JoinedStr(values=parts):
            return "".join(re.escape(p.value) if isinstance(p, ast.Constant) else WORD for p in parts)
        case ast.BinOp(op=ast.Add(), left=ast.Constant(value=str(begin))):
            return re.escape(begin) + WORD
    return None


def patterns(name: str) -> Iterator[tuple[Path, str]]:
    """What is asked for, by file. Where a key begins with a variable, it is one of the sections that the file names."""
    for path in SCRIPTS:
        tree = ast.parse(path.read_text())
        for argument in asked(tree, name):
            if (found := pattern(argument)) is None:
                continue
            if not found.startswith(WORD):
                yield path, found
                continue
            for section in constants(tree) & SECTIONS:
                yield path, re.escape(section) + found.removeprefix(WORD)


def constants(tree: ast.AST) -> set[str]:
    """All texts in the code."""
    items = (item.value for item in ast.walk(tree) if isinstance(item, ast.Constant))
    return {value for value in items if isinstance(value, str)}


@pytest.mark.parametrize("name", ["t", "section", "known"])
def test_what_the_code_asks_for_is_there(name):
    tail = {"t": "", "section": r"\..+", "known": r"\..+"}[name]
    keys, found = catalogue("en"), [*patterns(name)]
    assert len(found) > 3
    for path, wanted in found:
        assert any(re.fullmatch(wanted + tail, key) for key in keys), f"{path.name} asks for {wanted}"


def test_each_place_in_a_text_is_filled_in():
    for path in SCRIPTS:
        for call in (item for item in ast.walk(ast.parse(path.read_text())) if isinstance(item, ast.Call)):
            if not (isinstance(call.func, ast.Name) and call.func.id == "t"):
                continue
            given = {keyword.arg for keyword in call.keywords}
            keys = [key.value for key in _each(call.args[0]) if isinstance(key, ast.Constant)]
            for key in keys if None not in given else ():  # without `**values`
                assert _places(catalogue("en")[key]) <= given, f"{path.name}: {key}"


def test_variables_hold_keys_that_are_written_down():
    """Where `t` is given a variable, its values stand in the same file, as keys that there are."""
    for path in SCRIPTS:
        tree = ast.parse(path.read_text())
        if path == Path(words.__file__) or not any(isinstance(key, ast.Name) for key in asked(tree, "t")):
            continue
        assert constants(tree) & catalogue("en").keys(), path.name


def given() -> dict[str, str]:
    """By part, which section its `words` are."""
    found: dict[str, str] = {}
    for function in MOUNTS.body:
        if not isinstance(function, ast.FunctionDef):
            continue
        called = [i.func.id for i in ast.walk(function) if isinstance(i, ast.Call) and isinstance(i.func, ast.Name)]
        part = next((name[1:] for name in called if (WEB / f"{name[1:]}.js").exists()), "")
        for item in ast.walk(function):
            for key, value in zip(item.keys, item.values, strict=True) if isinstance(item, ast.Dict) else ():
                if isinstance(key, ast.Constant) and key.value == "words":
                    [section] = asked(value, "section")
                    found[part] = ast.literal_eval(section)
    return found


def test_the_words_in_scripts_are_those_that_they_are_given():
    sections = given()
    assert sections["player"] == "player"
    for path in sorted(WEB.glob("*.js")):
        section = sections.get(path.stem, "time")  # dom.js says lengths of time
        for name in NAMED.findall(path.read_text()):
            assert f"{section}.{name}" in catalogue("en"), f"{path.name}: words.{name}"


def test_all_that_a_service_of_this_version_names_has_a_name():
    own = {name for name, kind in NODES.items() if kind.__module__.startswith("spinbot.")}
    settings = {*LookSettings.model_fields, *VoiceSettings.model_fields}
    wanted = {"nodes": own, "kinds": set(TEMPLATES), "slots": set(SLOTS), "train.settings": settings}
    for group, names in wanted.items():
        assert names <= words.section(group).keys() | {"preset"}, group


def test_no_text_is_unused():
    by_code = [wanted for _, wanted in patterns("t")]
    by_code += [wanted + r"\..+" for _, wanted in patterns("known")]
    written = set().union(*(constants(ast.parse(path.read_text())) for path in SCRIPTS))
    whole = re.compile("|".join(f"(?:{wanted})" for wanted in by_code))
    unused = {key for key in catalogue("en") if not whole.fullmatch(key) and key not in written}
    for part, section in given().items():
        script = (WEB / f"{part}.js").read_text()
        names = {*NAMED.findall(script), *(words.section(section) if "words[" in script else ())}
        unused -= {f"{section}.{name}" for name in names}
    by_code_whole = {section for _, section in patterns("section")} - {re.escape(one) for one in given().values()}
    whole = re.compile("|".join(rf"(?:{section}\..+)" for section in by_code_whole))
    assert {key for key in unused if not whole.fullmatch(key)} == set()
