"""What the model may write: each value of a draft is a JSON string of plain prose, as schemas that xgrammar compiles.

No markup, no brackets, no line breaks, no character that a voice cannot speak; a sentence ends with its full stop or
exclamation mark. The quotes around a value are given, so the model runs for the prose alone.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_TAIL = "[A-Za-z0-9]*(['-][A-Za-z0-9]+)*"
_NUMBER = "[0-9]{1,3}(,[0-9]{3})+"
_MORE = f"(,? ([A-Za-z0-9]{_TAIL}|{_NUMBER}|[$]({_NUMBER}|[0-9]+)([.][0-9][0-9])?))*"
_LOOKS = (
    "beautiful|busy|calm|careful|cheerful|curious|elderly|friendly|happy|kind|old|proud|serious|smiling|tired|young"
)
_PEOPLE = """
    artist astronaut athlete baker barista boy builder captain chef child coach cook dancer dentist designer doctor
    driver engineer explorer farmer father firefighter gardener gentleman girl grandfather grandmother guide historian
    journalist judge lady lawyer librarian man mechanic mother musician nurse officer painter person photographer pilot
    player poet presenter professor programmer ranger reporter runner sailor salesman scientist singer soldier
    storyteller student teacher tourist vet waiter woman worker writer
"""
"""Who speaks: the picture is of somebody with a face."""
_SPEAKER = f"(A|An)( ({_LOOKS}))? ({'|'.join(_PEOPLE.split())})"
_PLACE = "(in|with|at|on|by|near|holding|standing|sitting)"
SCHEMAS = {
    "title": {"type": "string", "pattern": f"^ ?[A-Z0-9]{_TAIL}{_MORE}$"},
    "sentence": {"type": "string", "pattern": "^ ?[A-Z][A-Za-z]*(['-][A-Za-z]+)*(,? [A-Za-z]+(['-][A-Za-z]+)*)*[.!]$"},
    "sentence with figures": {"type": "string", "pattern": f"^ ?[A-Z]{_TAIL}{_MORE}[.!]$"},
    "visual": {"type": "string", "pattern": f"^ ?{_SPEAKER} {_PLACE}{_MORE}$"},
}
"""JSON schema of each value. Where the topic has no figure a sentence has none either: a model of this size makes them
up. Most words are one token with the space before it."""
ENDS = {"title": "\n", "visual": "<|im_end|>"}
"""What the model writes behind a value in the prompt's format: its probability becomes that of the closing quote."""


@dataclass(frozen=True)
class Language:
    """The tokenizer and the compiled schemas."""

    tokenizer: Any
    compiler: Any
    schemas: dict[str, Any]
    quote: int
    ends: dict[str, int]
    """Token that stands for the end of a value, by schema."""
    enders: Any
    """Boolean (vocabulary,): tokens that can end a value."""

    @property
    def vocabulary(self) -> int:
        """Number of tokens."""
        return len(self.enders)

    def encode(self, text: str) -> list[int]:
        """Tokens of a text; special tokens may be written out (`<|im_start|>`)."""
        return list(self.tokenizer.encode(text, add_special_tokens=False).ids)

    def decode(self, tokens: list[int]) -> str:
        """Text of tokens."""
        return str(self.tokenizer.decode(tokens))

    def matcher(self, schema: str) -> Any:
        """A fresh matcher that stands behind the opening quote of a value."""
        import xgrammar

        matcher = xgrammar.GrammarMatcher(self.schemas[schema], terminate_without_stop_token=True)
        assert matcher.accept_string('"')
        return matcher

    def matcher_of(self, grammar: str) -> Any:
        """A fresh matcher of a grammar in EBNF (GBNF, as in llama.cpp and vLLM). Raises `RuntimeError` for nonsense."""
        import xgrammar

        return xgrammar.GrammarMatcher(self.compiler.compile_grammar(grammar), terminate_without_stop_token=True)


def read(folder: Path, threads: int) -> Language:
    """Build the language from a derived folder; compiling takes about a second."""
    import torch
    import xgrammar
    from tokenizers import Tokenizer

    tokenizer: Any = Tokenizer.from_file(str(folder / "tokenizer.json"))
    pieces = [piece for piece, _ in sorted(tokenizer.get_vocab().items(), key=lambda item: item[1])]
    info = xgrammar.TokenizerInfo(
        pieces,
        xgrammar.VocabType.BYTE_LEVEL,
        vocab_size=len(pieces),
        stop_token_ids=[tokenizer.token_to_id("<|im_end|>")],
    )
    compiler = xgrammar.GrammarCompiler(info, max_threads=threads)
    return Language(
        tokenizer=tokenizer,
        compiler=compiler,
        schemas={name: compiler.compile_json_schema(json.dumps(schema)) for name, schema in SCHEMAS.items()},
        quote=tokenizer.token_to_id('"'),
        ends={name: tokenizer.encode(end, add_special_tokens=False).ids[0] for name, end in ENDS.items()},
        enders=torch.tensor([any(mark in piece for mark in '.!"') for piece in pieces]),
    )
