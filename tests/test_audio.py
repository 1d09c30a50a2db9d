"""Sound: what is read and written is the same sound, at the loudness and under the peak that were asked for."""

from __future__ import annotations

import re

import numpy as np
import pytest

from spinbot.errors import InputError, StorageError
from spinbot.media import ffmpeg
from spinbot.media.audio import loudness, normalise, read_audio, resample, true_peak, write_wav


def tone(hertz: float, rate: int, seconds: float = 1.0, level: float = 0.5) -> np.ndarray:
    return (level * np.sin(2 * np.pi * hertz * np.arange(round(rate * seconds)) / rate)).astype(np.float32)


def babble(rate: int, seconds: float = 12.0) -> np.ndarray:
    """Noise with the spectrum, the syllables, the pauses and the peaks of speech."""
    rng = np.random.default_rng(7)
    count = round(rate * seconds)
    spectrum = np.fft.rfft(rng.standard_normal(count))
    hertz = np.fft.rfftfreq(count, 1 / rate)
    voice = np.fft.irfft(spectrum * (hertz > 90) / (1 + (hertz / 500) ** 1.5), count)
    time = np.arange(count) / rate
    syllables = np.clip(np.sin(2 * np.pi * 4.1 * time), 0, 1) ** 2 * (np.sin(2 * np.pi * 0.35 * time) > -0.6)
    voice = voice * syllables * np.exp(0.4 * np.sin(2 * np.pi * 1.3 * time))
    return (0.2 * voice / np.abs(voice).max()).astype(np.float32)


@pytest.mark.parametrize(("start", "end"), [(24000, 48000), (48000, 16000), (44100, 48000), (22050, 24000)])
def test_resampling_keeps_a_tone_in_place(start, end):
    out = resample(tone(1000, start), start, end)
    expected = tone(1000, end)
    assert len(out) == len(expected)
    inner = slice(end // 20, -end // 20)
    assert np.abs(out - expected)[inner].max() < 1e-4  # 80 dB below full scale, delay included


def test_resampling_down_leaves_no_aliases():
    assert np.abs(resample(tone(11000, 48000), 48000, 16000))[500:-500].max() < 1e-4


def test_wav_round_trip(tmp_path):
    sound = tone(440, 24000)
    write_wav(tmp_path / "a.wav", sound, 24000)
    again, rate = read_audio(tmp_path / "a.wav")
    assert rate == 24000
    assert np.abs(again - sound).max() < 1 / 16384
    from_bytes, _ = read_audio((tmp_path / "a.wav").read_bytes())
    assert np.array_equal(again, from_bytes)


def test_stereo_mp3_is_mixed_to_mono(tmp_path):
    write_wav(tmp_path / "a.wav", tone(440, 44100, 2.0), 44100)
    ffmpeg.run(["-v", "error", "-i", tmp_path / "a.wav", "-ac", "2", "-b:a", "192k", tmp_path / "a.mp3"])
    sound, rate = read_audio(tmp_path / "a.mp3")
    assert (rate, sound.ndim) == (44100, 1)
    assert abs(len(sound) / rate - 2.0) < 0.03
    assert abs(np.abs(sound[4410:-4410]).max() - 0.5) < 0.03


@pytest.mark.parametrize("rate", [16000, 24000, 48000])
def test_loudness_agrees_with_ffmpeg(tmp_path, rate):
    sound = babble(rate)
    write_wav(tmp_path / "a.wav", sound, rate)
    log = ffmpeg.run(["-i", tmp_path / "a.wav", "-af", "ebur128", "-f", "null", "-"]).log
    measured = float(re.findall(r"I:\s+(-[\d.]+) LUFS", log)[-1])
    assert abs(loudness(sound, rate) - measured) < 0.15


def test_reference_tone_of_the_standard():
    # BS.1770-5: a full-scale sine of 997 Hz in one front channel reads -3.01 LUFS.
    assert abs(loudness(tone(997, 48000, 3.0, level=1.0), 48000) + 3.01) < 0.02


def test_true_peak_sees_between_the_samples():
    # A sine at a quarter of the rate, 45 degrees off: every sample is 3 dB below the peak.
    sound = np.sin(2 * np.pi * (np.arange(48000) / 4 + 0.125)).astype(np.float32)[1000:-1000]
    assert abs(20 * np.log10(np.abs(sound).max()) + 3.01) < 0.01
    assert -0.1 < true_peak(sound) < 0.5


@pytest.mark.parametrize("level", [0.02, 1.0, 4.0])
@pytest.mark.parametrize("rate", [24000, 48000])
def test_normalised_speech_is_at_minus_16_lufs(tmp_path, rate, level):
    write_wav(tmp_path / "a.wav", normalise(babble(rate) * np.float32(level), rate), rate)
    log = ffmpeg.run(["-i", tmp_path / "a.wav", "-af", "ebur128=peak=true", "-f", "null", "-"]).log
    assert abs(float(re.findall(r"I:\s+(-[\d.]+) LUFS", log)[-1]) + 16.0) <= 0.5
    assert float(re.findall(r"Peak:\s+(-[\d.]+) dBFS", log)[-1]) <= -1.2  # -1.5 and what two meters differ by


def test_a_lone_click_is_held_under_the_peak_and_the_rest_untouched():
    sound = tone(500, 24000, 4.0, level=0.1)
    clicked = sound.copy()
    clicked[48000:48010] = 0.9
    out = normalise(clicked, 24000)
    assert true_peak(out) <= -1.4
    assert abs(loudness(out, 24000) + 16) < 0.5
    gain = np.abs(out).max(initial=0, where=np.arange(len(out)) < 40000) / 0.1
    far = np.abs(np.arange(len(out)) - 48005) > 480  # 20 ms away from the click
    assert np.abs(out - gain * sound)[far].max() < 1e-3


def test_silence_stays_silence():
    assert not normalise(np.zeros(24000, np.float32), 24000).any()


def test_what_is_no_sound_is_refused_in_one_line(tmp_path):
    (tmp_path / "notes.txt").write_text("not a sound")
    playlist = "#EXTM3U\n#EXTINF:1,\nfile:///etc/hostname\n"
    for source in (tmp_path / "notes.txt", tmp_path / "none.wav", b"not a sound", playlist.encode(), b""):
        with pytest.raises(InputError) as error:
            read_audio(source)
        assert error.value.hint
        assert "\n" not in error.value.message


def test_a_path_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    for path in (tmp_path / "missing" / "a.wav", tmp_path / "file" / "a.wav", tmp_path):
        with pytest.raises(StorageError, match="write") as error:
            write_wav(path, np.zeros(10, np.float32), 24000)
        assert str(path) in error.value.message
        assert error.value.hint
