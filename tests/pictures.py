"""Makes pictures as bytes, good ones and bad ones, small in memory whatever they claim to be."""

from __future__ import annotations

import struct
import zlib
from io import BytesIO

import numpy as np
import numpy.typing as npt
from PIL import Image

UPRIGHT, TRANSPOSED = 0x0112, 6
GPS = 0x8825


def scene(width: int = 160, height: int = 200) -> npt.NDArray[np.uint8]:
    """A picture (h, w, 3) that differs under every turn: red grows to the right, green downwards, a blue corner."""
    pixels = np.zeros((height, width, 3), np.uint8)
    pixels[..., 0] = np.linspace(20, 235, width)
    pixels[..., 1] = np.linspace(20, 235, height)[:, None]
    pixels[: height // 4, : width // 4, 2] = 200
    return pixels


def encode(picture: Image.Image | npt.NDArray[np.uint8], kind: str, **options: object) -> bytes:
    """The file of a picture in one of Pillow's formats."""
    buffer = BytesIO()
    (picture if isinstance(picture, Image.Image) else Image.fromarray(picture)).save(buffer, kind, **options)
    return buffer.getvalue()


def sideways_with_place(pixels: npt.NDArray[np.uint8]) -> bytes:
    """A JPEG as a phone held upright writes it: stored on its side, with EXIF that says so and where it was taken."""
    exif = Image.Exif()
    exif[UPRIGHT] = TRANSPOSED
    exif.get_ifd(GPS).update({1: "N", 2: (59.0, 20.0, 3.0)})
    return encode(np.rot90(pixels), "JPEG", exif=exif, quality=95)


def png(width: int, height: int, *, depth: int = 8, colour: int = 0, rows: bytes | None = None) -> bytes:
    """A PNG of any claimed size, all zeros unless `rows` are given; compressed row by row, so never in memory whole."""
    packer = zlib.compressobj(9)
    row = bytes(1 + (width * depth * {0: 1, 2: 3}[colour] + 7) // 8)
    body = packer.compress(rows) if rows is not None else b"".join(packer.compress(row) for _ in range(height))
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", body + packer.flush()), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, data) for kind, data in chunks)


def huge_webp(side: int) -> bytes:
    """A WebP that claims `side` x `side` pixels and holds 64 x 64."""
    frame = encode(scene(64, 64), "WEBP", lossless=True)[12:]
    size = (side - 1).to_bytes(3, "little")
    body = b"WEBPVP8X" + struct.pack("<I", 10) + bytes(4) + size + size + frame
    return b"RIFF" + struct.pack("<I", len(body)) + body


def animation(kind: str, frames: int = 3) -> bytes:
    """An animated GIF, WebP or PNG."""
    pictures = [Image.fromarray(np.roll(scene(), 10 * index, axis=1)) for index in range(frames)]
    return encode(pictures[0], kind, save_all=True, append_images=pictures[1:], duration=40)


def swapped_profile() -> bytes:
    """An ICC profile whose red and blue primaries are sRGB's blue and red: whoever applies it sees them swapped."""
    red, green, blue = (0.4361, 0.2225, 0.0139), (0.3851, 0.7169, 0.0971), (0.1431, 0.0606, 0.7141)
    curve = b"curv" + bytes(4) + struct.pack(">IH", 1, round(2.2 * 256)) + bytes(2)
    text = b"swapped\0"
    tags = {
        b"desc": b"desc" + bytes(4) + struct.pack(">I", len(text)) + text + bytes(78),
        b"cprt": b"text" + bytes(4) + b"none\0\0\0\0",
        b"wtpt": _xyz(0.9642, 1.0, 0.8249),
        b"rXYZ": _xyz(*blue),
        b"gXYZ": _xyz(*green),
        b"bXYZ": _xyz(*red),
        b"rTRC": curve,
        b"gTRC": curve,
        b"bTRC": curve,
    }
    offset, table, body = 128 + 4 + 12 * len(tags), b"", b""
    for name, data in tags.items():
        padded = data + bytes(-len(data) % 4)
        table += name + struct.pack(">II", offset + len(body), len(data))
        body += padded
    size = offset + len(body)
    illuminant = struct.pack(">III", *(round(v * 65536) for v in (0.9642, 1.0, 0.8249)))
    header = struct.pack(">I4sI4s4s4s", size, bytes(4), 0x02400000, b"mntr", b"RGB ", b"XYZ ") + bytes(12) + b"acsp"
    return header + bytes(28) + illuminant + bytes(128 - 80) + struct.pack(">I", len(tags)) + table + body


def _xyz(*values: float) -> bytes:
    return b"XYZ " + bytes(4) + struct.pack(">iii", *(round(value * 65536) for value in values))


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
