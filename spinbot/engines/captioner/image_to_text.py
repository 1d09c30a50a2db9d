"""The engine `transformers`: any small image-to-text model that lies in a folder of the user's, such as BLIP.

Such models take pixels and nothing else. Those that want a question besides (LLaVA, Qwen-VL, ...) are refused by name.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from spinbot.engines.base import Progress
from spinbot.engines.captioner.base import Captioner
from spinbot.errors import ModelError

KINDS = ("blip", "git", "vision-encoder-decoder")
"""`model_type` of what is read: BLIP (Li et al. 2022, arXiv 2201.12086), GIT (Wang et al. 2022, arXiv 2205.14100), and
any encoder of pictures with any decoder of text, such as vit-gpt2."""
BEAMS = 3
MOST_TOKENS = 50
"""Some 35 words: CLIP's text encoder reads 75 tokens, and the trigger word is to have room beside them."""
NO_REPEAT = 3
"""So many words in a row are not said twice: small captioners fall into loops."""


class ImageToTextEngine(Captioner):
    """Describes pictures by beam search, without any chance."""

    name: ClassVar[str] = "transformers"
    requires: ClassVar[tuple[str, ...]] = ("caption-model",)

    def load(self, progress: Progress) -> None:
        """See `Engine.load`. Raises `ModelError` for a model that is no captioner, or lacks files."""
        import torch
        from transformers import AutoImageProcessor, AutoModelForImageTextToText, AutoTokenizer

        folder = self.models(self.requires[0])
        require_captioner(folder)
        progress(0.0, "loading the captioner")
        torch.set_num_threads(self.threads)
        local = {"local_files_only": True}
        try:
            self._look: Any = AutoImageProcessor.from_pretrained(folder, **local)
            self._words: Any = AutoTokenizer.from_pretrained(folder, **local)
            precision = torch.float32 if self.device == "cpu" else torch.float16
            model: Any = AutoModelForImageTextToText.from_pretrained(folder, dtype=precision, **local)
        except (OSError, ValueError) as error:
            raise ModelError(
                f"the captioner in {folder} cannot be loaded: {str(error).splitlines()[0]}",
                hint="download it anew, with all its files: hf download NAME --local-dir DIR",
                code="model_damaged",
            ) from error
        self._model: Any = model.to(self.device).eval()
        progress(1.0, "ready")

    def unload(self) -> None:
        """See `Engine.unload`."""
        del self._model, self._look, self._words

    def describe(self, pixels: npt.NDArray[np.uint8], progress: Progress) -> str:
        """See `Captioner.describe`."""
        import torch
        from PIL import Image
        from transformers import StoppingCriteriaList

        said = 0

        def heard(ids: Any, scores: Any, **_: Any) -> Any:
            nonlocal said
            said += 1
            progress(min(1.0, said / MOST_TOKENS), "describing")
            return torch.zeros(len(ids), dtype=torch.bool, device=ids.device)

        shown = self._look(images=Image.fromarray(pixels), return_tensors="pt")["pixel_values"]
        with torch.inference_mode():
            ids = self._model.generate(
                pixel_values=shown.to(self.device, self._model.dtype),
                do_sample=False,
                num_beams=BEAMS,
                max_new_tokens=MOST_TOKENS,
                no_repeat_ngram_size=NO_REPEAT,
                stopping_criteria=StoppingCriteriaList([heard]),
            )
        [text] = self._words.batch_decode(ids, skip_special_tokens=True)
        return " ".join(text.split())


def require_captioner(folder: Path) -> None:
    """Raises `ModelError` (`no_captioner`) where the model in the folder is of no kind that is read."""
    try:
        kind = str(json.loads((folder / "config.json").read_text("utf-8"))["model_type"])
    except (OSError, ValueError, KeyError, TypeError):
        kind = "unknown"
    if kind not in KINDS:
        raise ModelError(
            f"the model in {folder} is no captioner that is known here: its model_type is {kind}",
            hint=f"give one of {', '.join(KINDS)}, such as Salesforce/blip-image-captioning-base",
            code="no_captioner",
        )
