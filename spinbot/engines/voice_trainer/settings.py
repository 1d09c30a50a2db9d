"""What may be set about the training of a voice."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class VoiceSettings(BaseModel):
    """How a voice is fitted to recordings. A step is one sentence spoken, and one change of the voice."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    max_train_steps: int = Field(default=120, ge=1, le=10_000, description="Steps: some 4 s each on two cores")
    learning_rate: float = Field(default=0.012, gt=0, le=1, description="At the beginning; it falls to nothing")
    start: str = Field(default="", max_length=100, description="The stock voice to begin with; empty: the most alike")
    noise: float = Field(
        default=0.02, ge=0, le=1, description="Chance added to the style at each step: what is found then holds nearby"
    )
    steadiness: float = Field(default=0.01, ge=0, le=10, description="How much it costs to leave the stock voice")
    max_word_error: float = Field(
        default=0.08, ge=0, le=1, description="Of what is heard of it; a version above it is not taken"
    )
    evaluate_every_n_steps: int = Field(default=24, ge=1, description="Steps between two looks at how like it is")
    patience: int = Field(default=3, ge=0, description="End after so many looks without a better one; 0: never")
    checkpoint_seconds: float = Field(default=30, gt=0, description="Between two checkpoints")
    seed: int = Field(default=0, ge=0, description="Decides the order of the sentences")
