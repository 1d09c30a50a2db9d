"""Reads the picture a user gives, whatever its kind, or says in one line why it cannot be used.

Knows nothing of faces. A picture is judged by its content, never by its name, and by its header before a single pixel
is decoded, so a small file that claims a billion pixels costs nothing.
"""

from __future__ import annotations

import struct
import threading
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageCms, ImageOps

from spinbot.errors import InputError
from spinbot.media.jpeg import damage

MAX_BYTES = 50_000_000
MAX_PIXELS = 50_000_000
MIN_SIDE = 64
LONGEST_SIDE = 2048
"""Pixels. A larger picture is reduced: the frames of a video need no more."""
BACKGROUND = (236, 236, 234)
"""sRGB, a light neutral: what shows where a picture is transparent."""

FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "TIFF", "GIF", "AVIF")
USE_ANOTHER = "give a JPEG, PNG, WebP, BMP, TIFF or AVIF picture of one person"
UNREADABLE = (OSError, SyntaxError, ValueError, TypeError, IndexError, KeyError, EOFError, struct.error, zlib.error)
"""What Pillow's decoders raise on damaged data."""

SIGNATURES = (  # (offset, bytes, what it is); the first that fits counts
    (0, b"%PDF", "a PDF document"),
    (4, b"ftypheic", "a HEIC picture"),
    (4, b"ftypheix", "a HEIC picture"),
    (4, b"ftypmif1", "a HEIF picture"),
    (4, b"ftypqt", "a QuickTime video"),
    (4, b"ftypM4A", "an M4A sound"),
    (4, b"ftyp", "an MP4 video"),
    (0, b"\x1aE\xdf\xa3", "a Matroska or WebM video"),
    (8, b"AVI ", "an AVI video"),
    (8, b"WAVE", "a WAV sound"),
    (0, b"ID3", "an MP3 sound"),
    (0, b"fLaC", "a FLAC sound"),
    (0, b"OggS", "an Ogg sound or video"),
    (0, b"PK\x03\x04", "a ZIP archive or office document"),
    (0, b"8BPS", "a Photoshop document"),
    (0, b"\0\0\0\x0cJXL", "a JPEG XL picture"),
    (0, b"\xff\x0a", "a JPEG XL picture"),
    (0, b"\0\0\0\x0cjP", "a JPEG 2000 picture"),
    (0, b"\0\0\1\0", "an icon"),
)

_filters = threading.Lock()  # Python's warning filters belong to the whole process


@dataclass(frozen=True)
class Picture:
    """A picture as it is meant to be seen."""

    pixels: npt.NDArray[np.uint8]
    """sRGB, shape (h, w, 3), upright."""
    notes: list[str] = field(default_factory=list)
    """What was changed on the way, one line each, for people to read."""


def read_portrait(data: bytes | Path) -> Picture:
    """Decode a picture (its bytes, or the path of its file) to upright sRGB of at most `LONGEST_SIDE` pixels.

    Raises `InputError`, whose code is one of `picture_missing`, `picture_empty`, `picture_file_too_large`,
    `not_a_picture`, `picture_damaged`, `picture_too_many_pixels`, `picture_too_small`, `picture_animated`,
    `picture_depth`.
    """
    content = _content(data)
    with _quiet():
        image = _open(content)
        _check(image)
        if image.format in ("JPEG", "MPO") and (fault := damage(content)):
            raise _damaged("JPEG picture", len(content), fault)
        try:
            return _decode(image)
        except UNREADABLE as error:
            raise _damaged(f"{_kind(image)} picture", len(content), error) from error


def write_png(pixels: npt.NDArray[np.uint8]) -> bytes:
    """PNG of an RGB picture (h, w, 3). It holds the pixels and nothing else: no EXIF, no place, no profile."""
    buffer = BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def _content(data: bytes | Path) -> bytes:
    if isinstance(data, Path) and not data.is_file():
        fault = "is a folder, not a picture" if data.is_dir() else "does not exist"
        raise InputError(f"{data} {fault}", hint="give the path of a picture file", code="picture_missing")
    size = data.stat().st_size if isinstance(data, Path) else len(data)
    if size == 0:
        raise InputError("the picture file is empty (0 bytes)", hint=USE_ANOTHER, code="picture_empty")
    if size > MAX_BYTES:
        raise InputError(
            f"the picture file has {size / 1e6:.1f} MB; the limit is {MAX_BYTES / 1e6:.0f} MB",
            hint="save it as JPEG, or make it smaller",
            code="picture_file_too_large",
        )
    return data.read_bytes() if isinstance(data, Path) else data


def _open(content: bytes) -> Image.Image:
    """Read the header. `Image.open` is passed by: from 179 megapixels on it refuses without telling the size."""
    Image.init()
    for name in FORMATS:
        factory, accept = Image.OPEN[name]
        if accept is None or accept(content[:16]) is not True:
            continue
        try:
            return factory(BytesIO(content), "")
        except Image.DecompressionBombError as error:  # some of Pillow's readers look for themselves
            raise _too_many(f"more than {2 * (Image.MAX_IMAGE_PIXELS or 0) / 1e6:.0f} megapixels") from error
        except UNREADABLE as error:
            raise _damaged(f"{name} picture", len(content), error) from error
    what = _describe(content)
    raise InputError(f"this is {what}, not a picture that can be read", hint=USE_ANOTHER, code="not_a_picture")


def _describe(content: bytes) -> str:
    for offset, signature, what in SIGNATURES:
        if content[offset:].startswith(signature):
            return what
    head = content[:1024]
    if b"<svg" in head:
        return "an SVG drawing"
    if b"\0" in head:
        return f"data of an unknown kind ({len(content):,} bytes)"
    return f"text ({len(content):,} bytes)" if _is_text(head) else f"data of an unknown kind ({len(content):,} bytes)"


def _is_text(head: bytes) -> bool:
    try:
        head.decode()
    except UnicodeDecodeError as error:
        return error.start > len(head) - 4  # a character cut off at the end
    return True


def _check(image: Image.Image) -> None:
    """Refuse by what the header says."""
    width, height = image.size
    if width * height > MAX_PIXELS:
        raise _too_many(f"{width}x{height} pixels ({width * height / 1e6:.0f} megapixels)")
    if min(_reduced(image.size)) < MIN_SIDE:
        raise InputError(
            f"the picture has {width}x{height} pixels; its shorter side needs at least {MIN_SIDE}",
            hint="give a larger picture; a face of 200 pixels and more looks best",
            code="picture_too_small",
        )
    if image.format not in ("TIFF", "MPO") and getattr(image, "is_animated", False):
        raise InputError(
            f"the picture is an animation ({_kind(image)} with {_frames(image)} frames)",
            hint="save one frame of it as PNG or JPEG",
            code="picture_animated",
        )
    if image.mode in ("I", "F"):
        raise InputError(
            f"the picture stores 32 bits per grey value ({_kind(image)}, mode {image.mode}), which has no fixed white",
            hint="save it with 8 or 16 bits per channel",
            code="picture_depth",
        )


def _decode(image: Image.Image) -> Picture:
    """Pixels from the file, then upright, reduced, sRGB and opaque, in this order."""
    notes = []
    stored, pages = image.size, _frames(image) if image.format == "TIFF" else 1
    if pages > 1:
        notes.append(f"took the first of {pages} pages")
    orientation = image.getexif().get(0x0112, 1)
    profile = image.info.get("icc_profile")
    target = _reduced(stored)
    image.draft(None, (2 * target[0], 2 * target[1]))  # JPEG decodes at 1/2, 1/4 or 1/8 for a fraction of the memory
    image.load()
    if orientation in range(2, 9):
        ImageOps.exif_transpose(image, in_place=True)
        target = target if orientation < 5 else target[::-1]
        notes.append(f"turned upright (EXIF orientation {orientation})")
    plain = _plain(image)
    if target != plain.size:
        plain = plain.resize(target, Image.Resampling.LANCZOS, reducing_gap=3.0)
    if stored not in (target, target[::-1]):
        notes.append(f"reduced from {stored[0]}x{stored[1]} to {target[0]}x{target[1]} pixels")
    alpha = plain.getchannel("A") if "A" in plain.getbands() else None
    if alpha is not None and alpha.getextrema() == (255, 255):
        alpha = None
    colours = _to_srgb(plain, profile, notes)
    if alpha is not None:
        colours = Image.composite(colours, Image.new("RGB", colours.size, BACKGROUND), alpha)
        notes.append("put on a light background where it was transparent")
    return Picture(np.ascontiguousarray(colours, dtype=np.uint8), notes)


def _plain(image: Image.Image) -> Image.Image:
    """The same picture in mode L, LA, RGB, RGBA, CMYK or another 8-bit mode that `convert` brings to RGB."""
    if image.mode.startswith("I;16"):
        return Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
    if image.mode == "1":
        return image.convert("L")
    if "transparency" in image.info and "A" not in image.getbands():
        return image.convert("RGBA")
    return image.convert("RGB") if image.mode == "P" else image.convert("RGBA") if image.mode == "PA" else image


def _to_srgb(image: Image.Image, profile: bytes | None, notes: list[str]) -> Image.Image:
    """RGB by the picture's own ICC profile; a picture without one is taken as sRGB (or as plain CMYK)."""
    if image.mode == "CMYK":
        notes.append("converted from CMYK")
    if not profile:
        return image.convert("RGB")
    try:
        source = ImageCms.ImageCmsProfile(BytesIO(profile))
        name = ImageCms.getProfileDescription(source).strip()
        mode = {"GRAY": "L", "CMYK": "CMYK"}.get(source.profile.xcolor_space.strip(), "RGB")
        converted = ImageCms.profileToProfile(
            image if image.mode == mode else image.convert(mode),
            source,
            ImageCms.createProfile("sRGB"),
            renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC,
            outputMode="RGB",
            flags=ImageCms.Flags.BLACKPOINTCOMPENSATION,
        )
    except (ImageCms.PyCMSError, OSError) as error:
        notes.append(f"ignored its damaged colour profile ({error})")
        return image.convert("RGB")
    assert converted is not None  # it is None with inPlace alone
    if "sRGB" not in name:
        notes.append(f"converted from the colour profile {name!r} to sRGB")
    return converted


def _reduced(size: tuple[int, int]) -> tuple[int, int]:
    ratio = min(1.0, LONGEST_SIDE / max(*size, 1))
    return round(size[0] * ratio), round(size[1] * ratio)


def _frames(image: Image.Image) -> int:
    return int(getattr(image, "n_frames", 1))


def _kind(image: Image.Image) -> str:
    return "JPEG" if image.format in ("JPEG", "MPO") else str(image.format)


def _too_many(count: str) -> InputError:
    return InputError(
        f"the picture has {count}; the limit is {MAX_PIXELS / 1e6:.0f} megapixels",
        hint=f"reduce it to {LONGEST_SIDE} pixels on its longer side; more is not used",
        code="picture_too_many_pixels",
    )


def _damaged(what: str, size: int, fault: BaseException | str) -> InputError:
    return InputError(
        f"the {what} of {size:,} bytes is cut off or damaged: {' '.join(str(fault).split()) or type(fault).__name__}",
        hint="copy or download it again, or open it in a viewer and save it anew",
        code="picture_damaged",
    )


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep Pillow's remarks (odd EXIF, large pictures) from the user's screen: what matters is raised or noted."""
    with _filters, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
