"""Reading the pictures people have: every kind, every fault."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from spinbot.errors import InputError
from spinbot.media.images import BACKGROUND, LONGEST_SIDE, MAX_BYTES, read_portrait, write_png
from tests import pictures
from tests.pictures import encode, scene


@pytest.mark.parametrize(
    ("kind", "options", "tolerance"),
    [
        ("PNG", {}, 0),
        ("BMP", {}, 0),
        ("TIFF", {"compression": "tiff_lzw"}, 0),
        ("WEBP", {"lossless": True}, 0),
        ("JPEG", {"quality": 97, "subsampling": 0}, 3),
        ("AVIF", {"quality": 97, "subsampling": "4:4:4"}, 6),
        ("GIF", {}, 24),
    ],
)
def test_each_kind_of_picture_is_read_whatever_its_name(kind, options, tolerance, tmp_path: Path):
    path = tmp_path / "portrait.txt"
    path.write_bytes(encode(scene(), kind, **options))
    picture = read_portrait(path)
    assert picture.pixels.dtype == np.uint8
    assert picture.notes == []
    difference = np.abs(picture.pixels.astype(int) - scene())
    assert np.percentile(difference, 99) <= tolerance


def test_a_phone_picture_comes_out_upright_and_without_its_place():
    data = pictures.sideways_with_place(scene())
    picture = read_portrait(data)
    assert np.abs(picture.pixels.astype(int) - scene()).mean() < 3
    assert any("upright" in note for note in picture.notes)
    saved = write_png(picture.pixels)
    assert not Image.open(BytesIO(saved)).getexif()
    assert re.findall(b"eXIf|tEXt|iTXt|iCCP", saved) == []


def test_cmyk_keeps_its_colours():
    swatches = np.zeros((100, 200, 3), np.uint8)
    swatches[:, :100], swatches[:, 100:] = (220, 40, 40), (240, 220, 200)
    picture = read_portrait(encode(Image.fromarray(swatches).convert("CMYK"), "JPEG", quality=95))
    assert np.abs(picture.pixels[50, 50].astype(int) - (220, 40, 40)).max() <= 6
    assert np.abs(picture.pixels[50, 150].astype(int) - (240, 220, 200)).max() <= 6
    assert "converted from CMYK" in picture.notes


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P", "PA"])
def test_transparent_parts_are_put_on_a_light_background(mode: str):
    image = Image.fromarray(np.full((100, 100, 3), 60, np.uint8)).convert("RGBA")
    image.putalpha(Image.fromarray(np.repeat(np.repeat(np.array([[0, 255]], np.uint8), 50, 1), 100, 0)))
    if mode == "P":
        data = encode(image.quantize(8), "PNG")
    else:
        data = encode(image.convert(mode), "TIFF" if mode == "PA" else "PNG")
    picture = read_portrait(data)
    assert np.abs(picture.pixels[:, :49].astype(int) - BACKGROUND).max() <= 1
    assert np.abs(picture.pixels[:, 51:].astype(int) - 60).max() <= 1


def test_half_transparent_parts_are_mixed():
    image = Image.new("RGBA", (80, 80), (0, 0, 0, 128))
    assert np.abs(read_portrait(encode(image, "PNG")).pixels.astype(int) - np.array(BACKGROUND) // 2).max() <= 1


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_sixteen_bit_grey_keeps_its_brightness(kind: str):
    ramp = np.tile(np.linspace(0, 65535, 256).astype(np.uint16), (80, 1))
    picture = read_portrait(encode(Image.fromarray(ramp), kind))
    assert np.abs(picture.pixels[..., 1].astype(int) - np.arange(256)).max() <= 1
    assert (picture.pixels[..., 0] == picture.pixels[..., 2]).all()


def test_sixteen_bit_colour_keeps_its_colours():
    row = b"\0" + np.tile(np.array([50000, 20000, 1000], ">u2"), 70).tobytes()
    picture = read_portrait(pictures.png(70, 70, depth=16, colour=2, rows=row * 70))
    assert np.abs(picture.pixels.astype(int) - (194, 77, 3)).max() <= 1


def test_black_and_white_and_palette_are_read():
    flags = np.indices((80, 80)).sum(0) % 20 < 10
    picture = read_portrait(encode(Image.fromarray(flags), "PNG"))
    assert (picture.pixels == flags[..., None] * 255).all()
    palette = Image.fromarray(scene()).quantize(64)
    assert (read_portrait(encode(palette, "PNG")).pixels == np.asarray(palette.convert("RGB"))).all()


def test_a_colour_profile_is_applied():
    red = np.full((80, 80, 3), (200, 30, 30), np.uint8)
    picture = read_portrait(encode(red, "PNG", icc_profile=pictures.swapped_profile()))
    assert np.abs(picture.pixels[40, 40].astype(int) - (30, 30, 200)).max() <= 12
    assert any("'swapped'" in note for note in picture.notes)


def test_a_damaged_colour_profile_is_ignored_and_noted():
    picture = read_portrait(encode(scene(), "PNG", icc_profile=b"not a profile"))
    assert (picture.pixels == scene()).all()
    assert any("damaged colour profile" in note for note in picture.notes)


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_a_large_picture_is_reduced(kind: str):
    large = np.asarray(Image.fromarray(scene()).resize((3200, 4000)))
    picture = read_portrait(encode(large, kind))
    assert picture.pixels.shape == (LONGEST_SIDE, 1638, 3)
    small = np.asarray(Image.fromarray(picture.pixels).resize((160, 200), Image.Resampling.BOX))
    assert np.abs(small.astype(int) - scene()).mean() < 3
    assert picture.notes == ["reduced from 3200x4000 to 1638x2048 pixels"]


def test_the_first_page_of_a_document_scan_is_taken():
    page = Image.fromarray(scene())
    picture = read_portrait(encode(page, "TIFF", save_all=True, append_images=[page.rotate(180)]))
    assert (picture.pixels == scene()).all()
    assert picture.notes == ["took the first of 2 pages"]


JPEG = encode(scene(640, 800), "JPEG")


def overwritten(data: bytes) -> bytes:
    middle = len(data) // 2
    return data[:middle] + bytes(range(255, -1, -1)) * 4 + data[middle + 1024 :]


BAD: dict[str, tuple[Callable[[], bytes], str, str]] = {  # what -> (the file, code, the fact it must name)
    "empty": (lambda: b"", "picture_empty", "0 bytes"),
    "text": (lambda: "Ein Brief über nichts\n".encode() * 40, "not_a_picture", "text"),
    "pdf": (lambda: b"%PDF-1.7\n%\xe2\xe3\xcf\xd3" + bytes(500), "not_a_picture", "PDF"),
    "svg": (lambda: b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"/>', "not_a_picture", "SVG"),
    "mp4": (lambda: bytes([0, 0, 0, 24]) + b"ftypisom" + bytes(500), "not_a_picture", "MP4 video"),
    "webm": (lambda: b"\x1aE\xdf\xa3" + bytes(500), "not_a_picture", "WebM video"),
    "heic": (lambda: bytes([0, 0, 0, 24]) + b"ftypheic" + bytes(500), "not_a_picture", "HEIC"),
    "noise": (lambda: bytes(range(255, -1, -1)) * 9, "not_a_picture", "2,304 bytes"),
    "truncated jpeg": (lambda: JPEG[: len(JPEG) // 2], "picture_damaged", "cut off"),
    "jpeg overwritten in the middle": (lambda: overwritten(JPEG), "picture_damaged", "at byte"),
    "jpeg without its image": (lambda: JPEG[:300], "picture_damaged", "300 bytes"),
    "truncated png": (lambda: encode(scene(), "PNG")[:400], "picture_damaged", "400 bytes"),
    "broken png": (lambda: encode(scene(), "PNG").replace(b"IHDR", b"IHDX"), "picture_damaged", "PNG"),
    "truncated webp": (lambda: encode(scene(), "WEBP", lossless=True)[:150], "picture_damaged", "WEBP"),
    "too many pixels": (lambda: pictures.png(9000, 6000, depth=1), "picture_too_many_pixels", "9000x6000"),
    "a claim of 256 megapixels": (lambda: pictures.huge_webp(16000), "picture_too_many_pixels", "50 megapixels"),
    "too many bytes": (lambda: JPEG + bytes(MAX_BYTES), "picture_file_too_large", "50 MB"),
    "animated gif": (lambda: pictures.animation("GIF"), "picture_animated", "GIF with 3 frames"),
    "animated webp": (lambda: pictures.animation("WEBP"), "picture_animated", "WEBP with 3 frames"),
    "animated png": (lambda: pictures.animation("PNG"), "picture_animated", "PNG with 3 frames"),
    "icon sized": (lambda: encode(scene(16, 16), "PNG"), "picture_too_small", "16x16"),
    "a strip": (lambda: encode(scene(4000, 70), "PNG"), "picture_too_small", "4000x70"),
    "float pixels": (lambda: encode(Image.new("F", (80, 80)), "TIFF"), "picture_depth", "32 bits"),
}


@pytest.mark.parametrize("what", BAD)
def test_a_bad_picture_is_refused_with_cause_and_remedy(what: str):
    make, code, fact = BAD[what]
    with pytest.raises(InputError) as caught:
        read_portrait(make())
    assert caught.value.code == code
    assert fact in caught.value.message
    assert caught.value.hint
    assert "\n" not in caught.value.message + caught.value.hint


@pytest.mark.parametrize(
    "options", [{"progressive": True}, {"restart_marker_rows": 1}, {"optimize": True, "comment": b"x" * 999}]
)
def test_a_sound_jpeg_of_any_build_is_not_taken_for_a_damaged_one(options):
    grain = np.random.default_rng(0).integers(0, 256, (300, 300, 3), dtype=np.uint8)
    thumbnail = encode(grain, "JPEG")  # phones put further pictures behind the first
    assert read_portrait(encode(grain, "JPEG", quality=90, **options) + thumbnail).pixels.shape == (300, 300, 3)


def test_a_path_that_is_no_file_is_named(tmp_path: Path):
    for path, fault in ((tmp_path / "nobody.png", "does not exist"), (tmp_path, "folder")):
        with pytest.raises(InputError, match=fault) as caught:
            read_portrait(path)
        assert caught.value.code == "picture_missing"
        assert str(path) in caught.value.message


def test_a_file_too_large_is_refused_before_it_is_read(tmp_path: Path):
    path = tmp_path / "large.png"
    with path.open("wb") as file:
        file.truncate(10**12)  # a sparse file: reading it would never end
    with pytest.raises(InputError, match=r"1000000\.0 MB"):
        read_portrait(path)


def test_nine_hundred_megapixels_cost_no_memory(tmp_path: Path):
    path = tmp_path / "bomb.png"
    path.write_bytes(pictures.png(30_000, 30_000, depth=1))
    program = """
import resource, sys
from pathlib import Path
from spinbot.errors import InputError
from spinbot.media.images import read_portrait

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024

# The peak survives fork and exec, so that of a large parent would hide ours: a limit cannot be hidden.
used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + 64_000_000,) * 2)
before = peak()
try:
    read_portrait(Path(sys.argv[1]))
except InputError as error:
    print(error.code, "30000x30000" in error.message, peak() - before < 32_000_000)
"""
    run = subprocess.run([sys.executable, "-W", "error", "-c", program, path], capture_output=True, text=True)
    assert run.stderr == ""
    assert run.stdout.split() == ["picture_too_many_pixels", "True", "True"]
