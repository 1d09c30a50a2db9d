"""Whether pictures are fit to learn a person's look from: what is wrong, with which of them, and the remedy."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from spinbot.media.checkup import Checkup, Finding, Level, names_left_out
from spinbot.media.photo import Fingerprint, Light, alike

LEAST, ENOUGH, MANY = 3, 10, 100
"""Pictures: with fewer than `LEAST` nothing can be learned but those very pictures (DreamBooth, Ruiz et al. 2023, arXiv
2208.12242, uses 3 to 5); from `ENOUGH` on a person is learned well; beyond `MANY` training takes longer, no more."""
BLURRED, SMEARED = 0.60, 0.75
"""Of `photo.blur` on the face: sharp photos and drawings have 0.23 to 0.35, after a Gaussian of 1.5 pixels of 256 they
have 0.55 to 0.63, of 3 pixels 0.78 to 0.82."""
DARK, BRIGHT = 0.25, 0.85
"""Luminance: where even the highlights of a face are darker, or even its shades brighter, its features are gone."""
TINY_FACE, SMALL_FACE = 0.08, 0.15
"""Width of the face by the shorter side of the picture."""
ANOTHER = 0.5
"""A second face of so much of the first one's width is another person in the picture, not somebody passing by."""


@dataclass(frozen=True)
class Seen:
    """What is known of one picture. Sizes in pixels; `blur` and `light` are those of its face, if it has one."""

    name: str
    width: int
    height: int
    faces: Sequence[float]
    """Widths of the faces, the largest first."""
    blur: float
    light: Light
    fingerprint: Fingerprint
    caption: str = ""


def examine(
    pictures: Sequence[Seen], *, unreadable: Sequence[Finding] = (), side: int = 512, captioned: bool = False
) -> Checkup:
    """Judge pictures as training material for pictures of `side` pixels.

    `unreadable` are the findings about files that are no pictures; they count as left out. `captioned`: a captioner
    will write the captions that are missing.
    """
    findings = [*unreadable, *(finding for picture in pictures for finding in _faults(picture, side))]
    out = names_left_out(findings)
    fit = [picture for picture in pictures if picture.name not in out]
    findings += _copies(fit)
    out = names_left_out(findings)
    used = [picture for picture in fit if picture.name not in out]
    findings += _of_the_set(used, captioned)
    return Checkup(
        go=all(finding.level != "stop" for finding in findings),
        used=[picture.name for picture in used],
        left_out=sorted(out),
        findings=findings,
    )


def _faults(picture: Seen, side: int) -> Iterator[Finding]:
    def found(level: Level, code: str, message: str, remedy: str) -> Finding:
        return Finding(level=level, code=code, name=picture.name, message=message, remedy=remedy)

    size, least = f"{picture.width}x{picture.height} pixels", min(picture.width, picture.height)
    if least < side / 2:
        yield found("left_out", "too_small", f"{size}", f"give it with at least {side} pixels on each side")
    elif least < side:
        yield found("note", "small", f"{size}, less than {side}", "give the original, not a thumbnail")
    if not picture.faces:
        yield found("left_out", "no_face", "no face was found", "give one that shows the face, from the front at best")
        return
    widest, others = picture.faces[0], picture.faces[1:]
    near = sum(other >= ANOTHER * widest for other in others)
    if near:
        message = f"{near + 1} faces: nobody can know whose look is meant"
        yield found("left_out", "several_faces", message, "crop it to the one person")
    elif others:
        yield found("note", "others_behind", f"{len(others)} more faces behind", "crop it to the one person")
    if widest < TINY_FACE * least:
        yield found("left_out", "tiny_face", f"the face is {widest:.0f} pixels wide", "crop it around the person")
    elif widest < SMALL_FACE * least:
        yield found("note", "small_face", f"the face is {widest:.0f} pixels wide", "crop it around the person")
    if picture.blur > SMEARED:
        yield found("left_out", "blurred", f"the face is blurred ({picture.blur:.2f})", "give a sharper one")
    elif picture.blur > BLURRED:
        yield found("note", "soft", f"the face is not sharp ({picture.blur:.2f})", "give a sharper one if you have it")
    if picture.light.high < DARK:
        yield found("left_out", "dark", "the face is in the dark", "give one in better light, or brighten it")
    elif picture.light.low > BRIGHT:
        yield found("left_out", "overexposed", "the face is washed out", "give one with less light on the face")


def _copies(pictures: Sequence[Seen]) -> Iterator[Finding]:
    """Of pictures that are the same the largest stays; of those the sharpest."""
    kept: list[Seen] = []
    for picture in sorted(pictures, key=lambda one: (-one.width * one.height, one.blur, one.name)):
        first = next((other for other in kept if alike(other.fingerprint, picture.fingerprint)), None)
        if first is None:
            kept.append(picture)
            continue
        message = f"the same picture as {first.name}"
        remedy = "take another pose, place or day: copies teach nothing but themselves"
        yield Finding(level="left_out", code="duplicate", name=picture.name, message=message, remedy=remedy)


def _of_the_set(used: Sequence[Seen], captioned: bool) -> Iterator[Finding]:
    def found(level: Level, code: str, message: str, remedy: str) -> Finding:
        return Finding(level=level, code=code, name="", message=message, remedy=remedy)

    count = len(used)
    usable = "1 picture is" if count == 1 else f"{count} pictures are"
    if count < LEAST:
        remedy = f"give {ENOUGH} to 30 different ones: from several sides, days and places"
        yield found("stop", "too_few", f"{usable} fit to learn from; {LEAST} are the least", remedy)
    elif count < ENOUGH:
        remedy = f"with {ENOUGH} to 30 the look is more like the person, and poses vary more"
        yield found("note", "few", f"{usable} fit to learn from", remedy)
    elif count > MANY:
        remedy = "choose the 30 to 50 best: training takes longer with more, and is hardly better"
        yield found("note", "many", f"{usable} fit to learn from", remedy)
    told = sum(bool(picture.caption.strip()) for picture in used)
    if 0 < told < count and not captioned:
        remedy = "caption all of them or none, or have it done (--caption): those without are known by the name alone"
        yield found("note", "captions_missing", f"{count - told} of {count} have no caption", remedy)
