"""Sound as arrays: reading any file, 16-bit WAV, changing the rate, measuring and setting the loudness.

Samples are mono float32 in -1..1, shape (n,). Formulas follow ITU-R BS.1770-5 (loudness, true peak) and EBU R 128.
"""

from __future__ import annotations

import math
import struct
import wave
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from spinbot.disk import whole_file
from spinbot.errors import InputError
from spinbot.media import ffmpeg

Samples = npt.NDArray[np.float32]

_ZEROS = 32  # zero crossings of the sinc on each side: 90 dB with the Kaiser window below
_ROLLOFF = 0.945  # passband of the resampler as a part of the lower Nyquist rate
_PEAK_ZEROS = 12  # twice the reach of the filter in BS.1770-5, annex 2
_HOP = 0.001  # seconds per step of the limiter's gain
_REACH = 8  # hops the limiter looks ahead and behind: 8 ms, short enough to pass between syllables
_ROUNDS = 8  # of limiting and making up the loudness that it cost; speech needs 1 or 2


def read_audio(source: Path | bytes, seconds: float | None = None) -> tuple[Samples, int]:
    """The sound of any sound or video file, mixed to mono, with its own sample rate in Hz; its first `seconds` or all.

    Raises `InputError` when there is no sound in it.
    """
    if isinstance(source, Path) and not source.is_file():
        raise InputError(f"there is no file {source}", hint="check the path", code="no_file")
    # The AU container starts with a fixed big-endian header, whatever its length: easy to stream, easy to parse.
    bound = [] if seconds is None else ["-t", f"{seconds:.3f}"]
    mono = [*bound, "-map", "0:a:0", "-ac", "1", "-c:a", "pcm_f32be", "-f", "au", "pipe:1"]
    output = ffmpeg.run(
        ["-v", "error", *ffmpeg.SAFE_INPUT, "-i", source if isinstance(source, Path) else "pipe:0", *mono],
        what="read the sound",
        input=source if isinstance(source, bytes) else None,
        error=InputError,
        hint="give a sound file such as WAV, FLAC, MP3, M4A or OGG",
    )
    _, start, _, _, rate, _ = struct.unpack(">6I", output.data[:24])
    samples = np.frombuffer(output.data, ">f4", offset=start).astype(np.float32)
    if not len(samples):
        raise InputError("the file holds no sound", hint="give a recording of at least a second", code="no_sound")
    return samples, rate


def write_wav(path: Path, samples: Samples, rate: int) -> None:
    """Write 16-bit mono PCM; what lies beyond -1..1 is clipped. Raises `StorageError`."""
    pcm = np.rint(np.clip(samples, -1.0, 1.0) * 32767).astype("<i2")
    with whole_file(path) as part, part.open("wb") as file, wave.open(file, "wb") as wav:
        wav.setnchannels(1)
        wav.setsampwidth(2)
        wav.setframerate(rate)
        wav.writeframes(pcm.tobytes())


def join_wavs(sources: Sequence[Path], out: Path) -> list[int]:
    """Put mono WAV files of 16 bit and one rate after each other, sample by sample; answers the length of each.

    Raises `InputError` where they differ, `StorageError`.
    """
    lengths, kinds, pieces = [], set(), []
    for source in sources:
        try:
            with wave.open(str(source), "rb") as wav:
                kinds.add((wav.getnchannels(), wav.getsampwidth(), wav.getframerate()))
                lengths.append(wav.getnframes())
                pieces.append(wav.readframes(wav.getnframes()))
        except (wave.Error, EOFError) as error:
            raise InputError(f"{source.name} is no WAV file: {error}", hint="give 16-bit mono WAV files") from error
    if len(kinds) != 1 or {kind[:2] for kind in kinds} != {(1, 2)}:
        raise InputError(
            f"the recordings differ: {sorted(kinds)} (channels, bytes, Hz)", hint="give 16-bit mono WAV of one rate"
        )
    with whole_file(out) as part, part.open("wb") as file, wave.open(file, "wb") as wav:
        wav.setnchannels(1)
        wav.setsampwidth(2)
        wav.setframerate(kinds.pop()[2])
        wav.writeframes(b"".join(pieces))
    return lengths


def resample(samples: Samples, from_rate: int, to_rate: int) -> Samples:
    """The same sound at another rate, round(n * to / from) samples long and not delayed.

    Polyphase windowed-sinc interpolation with a Kaiser window, after J. O. Smith, "Digital Audio Resampling".
    """
    if from_rate == to_rate or not len(samples):
        return samples
    divisor = math.gcd(from_rate, to_rate)
    up, down = to_rate // divisor, from_rate // divisor
    return _interpolated(samples, up, down, _filters(up, down, _ROLLOFF, _ZEROS))


def _interpolated(samples: Samples, up: int, down: int, bank: Samples) -> Samples:
    width = bank.shape[1]
    length = round(len(samples) * up / down)
    padded = np.pad(samples, (width // 2 - 1, width // 2 + down))
    windows = np.lib.stride_tricks.sliding_window_view(padded, width)
    out = np.empty(length, np.float32)
    for phase in range(min(up, length)):  # outputs phase, phase + up, ... share one filter and lie `down` apart
        first, part = phase * down % up, out[phase::up]
        part[:] = windows[phase * down // up :: down][: len(part)] @ bank[first]
    return out


@cache
def _filters(up: int, down: int, rolloff: float, zeros: int) -> Samples:
    """One windowed sinc per phase, shape (up, taps): row p interpolates p / up of a sample after the middle."""
    cutoff = rolloff * min(1.0, up / down)
    half = math.ceil(zeros / cutoff)
    offsets = np.arange(1 - half, half + 1)[None, :] - np.arange(up)[:, None] / up
    # Kaiser window, beta 9 for 90 dB, at fractional offsets.
    window = np.i0(9.0 * np.sqrt(np.clip(1 - (offsets / half) ** 2, 0, 1))) / np.i0(9.0)
    taps = np.sinc(cutoff * offsets) * window
    bank: Samples = (taps / taps.sum(axis=1, keepdims=True)).astype(np.float32)
    return bank


def loudness(samples: Samples, rate: int) -> float:
    """Integrated loudness in LUFS, gated, of one channel (BS.1770-5, annex 1). Silence is minus infinity."""
    weighted = _k_weighted(samples, rate)
    block, hop = round(0.4 * rate), round(0.1 * rate)
    sums = np.concatenate([[0.0], np.cumsum(weighted**2)])
    starts = np.arange(0, max(1, len(weighted) - block + 1), hop)
    ends = np.minimum(starts + block, len(weighted))
    power = (sums[ends] - sums[starts]) / np.maximum(1, ends - starts)
    power = power[power > 10 ** ((-70 + 0.691) / 10)]
    if not len(power):
        return -math.inf
    power = power[power > power.mean() * 0.1]  # the relative gate: 10 LU below the mean
    return float(-0.691 + 10 * np.log10(power.mean()))


def _k_weighted(samples: Samples, rate: int) -> npt.NDArray[np.float64]:
    """The K-weighting of BS.1770: a high shelf for the head, then a high-pass.

    The standard lists both biquads at 48 kHz; the analogue parameters below give its table to 1e-6 and hold at
    any rate (De Man, "Evaluation of Implementations of the EBU R128 Loudness Measurement", AES 145, 2018). They
    are applied as a product of spectra: exact but for the tail, which a second of zeros lets die away.
    """
    size = -(-(len(samples) + rate) // 65536) * 65536  # a transform of small prime factors is fast
    z = np.exp(-2j * np.pi * np.fft.rfftfreq(size))
    k, q = math.tan(math.pi * 1681.974450955533 / rate), 0.7071752369554196
    high = 10 ** (3.999843853973347 / 20)
    band = high**0.4996667741545416
    shelf = (high + band * k / q + k * k) + 2 * (k * k - high) * z + (high - band * k / q + k * k) * z**2
    shelf /= (1 + k / q + k * k) + 2 * (k * k - 1) * z + (1 - k / q + k * k) * z**2
    k, q = math.tan(math.pi * 38.13547087602444 / rate), 0.5003270373238773
    norm = 1 + k / q + k * k
    passed = (1 - 2 * z + z**2) / (1 + 2 * (k * k - 1) / norm * z + (1 - k / q + k * k) / norm * z**2)
    return np.fft.irfft(np.fft.rfft(samples, size) * shelf * passed, size)[: len(samples)]


def true_peak(samples: Samples) -> float:
    """Highest level between samples too, in dBTP, by fourfold oversampling (BS.1770-5, annex 2)."""
    top = float(np.abs(_oversampled(samples)).max(initial=0.0))
    return 20 * math.log10(top) if top else -math.inf


def _oversampled(samples: Samples) -> Samples:
    """Four values per sample, the sample itself first; no rolloff, so that nothing below Nyquist hides."""
    return _interpolated(samples, 4, 1, _filters(4, 1, 1.0, _PEAK_ZEROS))


def normalise(samples: Samples, rate: int, target: float = -16.0, peak_db: float = -1.5) -> Samples:
    """The same speech at `target` LUFS with no true peak above `peak_db` dBTP.

    A linear gain, then a look-ahead limiter on the few peaks that stand out; the loudness which that costs is
    made up for. Silence is returned as it is.
    """
    out = samples
    for _ in range(_ROUNDS):
        change = target - loudness(out, rate)
        if not math.isfinite(change) or abs(change) < 0.05:
            break
        out = _limited(out * np.float32(10 ** (change / 20)), rate, 10 ** (peak_db / 20))
    return out


def _limited(samples: Samples, rate: int, ceiling: float) -> Samples:
    """`samples` times a smooth gain, at most 1, that keeps every oversampled peak at or under `ceiling`.

    The gain that each millisecond needs is held over its neighbours (a minimum) and then averaged over the same
    reach with a Hann window: a mean of values that are all low enough is low enough.
    """
    hop = max(1, round(_HOP * rate))
    over = np.abs(_oversampled(samples))
    hops = -(-len(samples) // hop) + 1
    peaks = np.pad(over, (0, hops * hop * 4 - len(over))).reshape(hops, -1).max(axis=1)
    if peaks.max() <= ceiling:
        return samples
    needed = np.minimum(1.0, ceiling * 0.995 / np.maximum(peaks, 1e-9))  # 0.995: the gain itself adds a trace
    # One hop more than the average reaches: between two steps the gain is interpolated.
    held = np.lib.stride_tricks.sliding_window_view(np.pad(needed, _REACH + 1, constant_values=1.0), 2 * _REACH + 3)
    window = np.hanning(2 * _REACH + 3)[1:-1]
    smooth = np.convolve(np.pad(held.min(axis=1), _REACH, mode="edge"), window / window.sum(), mode="valid")
    gain = np.interp(np.arange(len(samples)), (np.arange(hops) + 0.5) * hop, smooth)
    return (samples * gain).astype(np.float32)
