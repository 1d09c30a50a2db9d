"""The slot `lora_trainer`: a LoRA that teaches a text-to-image model one person, style or object."""
