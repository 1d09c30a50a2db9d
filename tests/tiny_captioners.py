"""Captioners of each kind that is read: all files of the real ones, random weights, and a vocabulary of 40 words."""

from __future__ import annotations

from pathlib import Path

import torch
from transformers import (
    BertTokenizer,
    BlipConfig,
    BlipForConditionalGeneration,
    BlipImageProcessorPil,
    BlipProcessor,
    CLIPImageProcessorPil,
    GitConfig,
    GitForCausalLM,
    GPT2Config,
    PreTrainedModel,
    VisionEncoderDecoderConfig,
    VisionEncoderDecoderModel,
    ViTConfig,
    ViTImageProcessorPil,
)

SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "[DEC]")
WORDS = (
    "a the woman man person with in on of and red blue green white yellow grey hair hat shirt wall glasses "
    + "beard smile long short young old street garden table chair tree cup sky photo"
).split(" ")
PAD, CLS, SEP, DEC = (SPECIAL.index(word) for word in ("[PAD]", "[CLS]", "[SEP]", "[DEC]"))
SIDE = 32
VISION = {
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "image_size": SIDE,
    "patch_size": 8,
}
ENDS = {"bos_token_id": CLS, "eos_token_id": SEP, "pad_token_id": PAD}


def words(folder: Path) -> BertTokenizer:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "vocab.txt").write_text("\n".join((*SPECIAL, *WORDS)))
    read = BertTokenizer.from_pretrained(folder, additional_special_tokens=["[DEC]"])
    assert len(read) == len(SPECIAL) + len(WORDS)
    return read


def blip(folder: Path) -> PreTrainedModel:
    """As Salesforce/blip-image-captioning-base is: one processor for pixels and words."""
    text = {
        "vocab_size": len(SPECIAL) + len(WORDS),
        "hidden_size": 32,
        "encoder_hidden_size": 32,
        "intermediate_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "max_position_embeddings": 80,
        **ENDS,
        "bos_token_id": DEC,
        "sep_token_id": SEP,
    }
    pixels = BlipImageProcessorPil(size={"height": SIDE, "width": SIDE})
    BlipProcessor(image_processor=pixels, tokenizer=words(folder)).save_pretrained(folder)
    return BlipForConditionalGeneration(BlipConfig(text_config=text, vision_config=VISION))


def git(folder: Path) -> PreTrainedModel:
    """As microsoft/git-base-coco is."""
    CLIPImageProcessorPil(
        size={"shortest_edge": SIDE}, crop_size={"height": SIDE, "width": SIDE}
    ).save_pretrained(folder)  # fmt: skip
    words(folder).save_pretrained(folder)
    return GitForCausalLM(
        GitConfig(
            vision_config=VISION,
            vocab_size=len(SPECIAL) + len(WORDS),
            hidden_size=32,
            num_hidden_layers=2,
            num_attention_heads=2,
            intermediate_size=64,
            max_position_embeddings=80,
            **ENDS,
        )
    )


def encoder_decoder(folder: Path) -> PreTrainedModel:
    """As nlpconnect/vit-gpt2-image-captioning is."""
    ViTImageProcessorPil(size={"height": SIDE, "width": SIDE}).save_pretrained(folder)
    words(folder).save_pretrained(folder)
    says = GPT2Config(vocab_size=len(SPECIAL) + len(WORDS), n_embd=32, n_layer=2, n_head=2, n_positions=80, **ENDS)
    config = VisionEncoderDecoderConfig.from_encoder_decoder_configs(ViTConfig(**VISION), says)
    model = VisionEncoderDecoderModel(config)
    model.generation_config.update(decoder_start_token_id=CLS, pad_token_id=PAD, eos_token_id=SEP)
    return model


CAPTIONERS = {"blip": blip, "git": git, "vision-encoder-decoder": encoder_decoder}


def save(kind: str, folder: Path) -> Path:
    """A captioner as its folder on the hub is; the same weights each time, large enough that pictures matter."""
    with torch.random.fork_rng():
        torch.manual_seed(4)
        model = CAPTIONERS[kind](folder)
        for weight in model.parameters():
            weight.data.normal_(0, 0.3)
        model.save_pretrained(folder)
    return folder
