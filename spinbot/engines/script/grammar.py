"""What the model may write: JSON strings of plain prose, as JSON schemas that xgrammar compiles.

A draft is one JSON object. Its keys and brackets are given, so the model runs for the values alone, and each value is
held to its schema: no markup, no brackets, no line breaks, no characters that a voice cannot speak.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_WORD = "[A-Za-z0-9]([A-Za-z0-9'-]?[A-Za-z0-9])*"
_PHRASE = f"{_WORD}(,? {_WORD})*"
_START = "[A-Z0-9]([A-Za-z0-9'-]?[A-Za-z0-9])*"
SCHEMAS = {
    "title": {"type": "string", "pattern": f"^{_START}(,? {_WORD})*$"},
    "sentence": {"type": "string", "pattern": f"^{_START}(,? {_WORD})*[.!]$"},
    "visual": {"type": "string", "pattern": f"^(A|An) {_PHRASE}$"},
}
"""JSON schema of each value."""


@dataclass(frozen=True)
class Language:
    """The tokenizer and the compiled schemas."""

    tokenizer: Any
    schemas: dict[str, Any]
    vocabulary: int
    enders: Any
    """Boolean (vocabulary,): tokens that can end a value, to be kept away until it is long enough."""

    def encode(self, text: str) -> list[int]:
        """Tokens of a text; special tokens may be written out (`<|im_start|>`)."""
        return list(self.tokenizer.encode(text, add_special_tokens=False).ids)

    def matcher(self, schema: str) -> Any:
        """A fresh matcher that stands behind the opening quote of a value."""
        import xgrammar

        matcher = xgrammar.GrammarMatcher(self.schemas[schema], terminate_without_stop_token=True)
        assert matcher.accept_string('"')
        return matcher


def read(folder: Path, threads: int) -> Language:
    """Build the language from a derived folder; compiling takes about a second."""
    import torch
    import xgrammar
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    pieces = sorted(tokenizer.get_vocab().items(), key=lambda item: item[1])
    info = xgrammar.TokenizerInfo(
        [piece for piece, _ in pieces],
        xgrammar.VocabType.BYTE_LEVEL,
        vocab_size=len(pieces),
        stop_token_ids=[tokenizer.token_to_id("<|im_end|>")],
    )
    compiler = xgrammar.GrammarCompiler(info, max_threads=threads)
    schemas = {name: compiler.compile_json_schema(json.dumps(schema)) for name, schema in SCHEMAS.items()}
    enders = torch.tensor([any(mark in piece for mark in '.!"') for piece, _ in pieces])
    return Language(tokenizer, schemas, len(pieces), enders)
