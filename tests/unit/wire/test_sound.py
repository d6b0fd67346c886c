"""Sounds by a player of this machine: which, once at a time, ended in time, and why nothing is heard."""

from __future__ import annotations

import os
import time
from pathlib import Path

import numpy as np
import pytest

from armillary.session import voice as voices
from armillary.session.sounding import RATE, TONES, samples
from armillary.session.voice import NO_PLAYER, Voice
from armillary.wire import sound


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only folder with programs."""
    out = tmp_path / "bin"
    out.mkdir()
    monkeypatch.setenv("PATH", str(out))
    monkeypatch.setattr(sound, "LONGEST_S", 60.0)  # a busy machine takes its time
    return out


def install(machine: Path, name: str, text: str) -> Path:
    path = machine / name
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


def ended(voice: Voice) -> None:
    """Wait until the player has ended."""
    end = time.monotonic() + 50
    while voice._player is not None and voice._player.look():
        assert time.monotonic() < end, "the player did not end"
        time.sleep(0.005)


def test_the_newest_sound_system_is_asked_first(machine: Path) -> None:
    assert sound.player() == ()
    alsa = install(machine, "aplay", "true")
    assert sound.player() == (str(alsa), "-q")
    pulse = install(machine, "paplay", "true")
    assert sound.player() == (str(pulse),)


@pytest.mark.parametrize("priority", [1, 2, 3])
def test_a_player_gets_the_tones_of_the_priority_as_a_wave(
    machine: Path, tmp_path: Path, priority: int
) -> None:
    taken = tmp_path / "taken"
    install(machine, "aplay", f'/bin/cat "$2" > {taken}; echo "$1" > {tmp_path}/option')
    voice = Voice(tmp_path / "tones")
    assert voice.play(priority)
    ended(voice)
    assert voice.trouble == ""
    assert (tmp_path / "option").read_text() == "-q\n"
    data = taken.read_bytes()
    assert data[:4] == b"RIFF"
    heard = np.frombuffer(data[44:], "<i2").astype(float)
    wanted = samples(priority)
    assert len(heard) == len(wanted)
    assert np.corrcoef(heard, wanted)[0, 1] > 0.999
    loud = np.abs(heard) > 600  # what sounds, in stretches of 10 ms
    steps = np.add.reduceat(loud, np.arange(0, len(loud), RATE // 100)) > 0
    assert int((np.diff(steps.astype(int)) == 1).sum()) + int(steps[0]) == TONES[priority]


def test_why_nothing_is_heard_is_said(machine: Path, tmp_path: Path) -> None:
    voice = Voice(tmp_path / "tones")
    assert not voice.play(1)
    assert voice.trouble == NO_PLAYER
    install(machine, "aplay", 'echo "audio open error: No such device" >&2; exit 1')
    assert voice.play(1), "a player that came meanwhile is used"
    ended(voice)
    assert voice.trouble == "aplay: audio open error: No such device"
    install(machine, "aplay", "exit 0")
    voice.play(2)
    ended(voice)
    assert voice.trouble == "", "a device that came back is used"


def test_one_tone_at_a_time_and_none_for_ever(
    machine: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sound, "LONGEST_S", 0.2)
    install(machine, "aplay", f"echo x >> {tmp_path}/count; exec /bin/sleep 60")
    voice = Voice(tmp_path / "tones")
    voice.play(1)
    voice.play(1)
    ended(voice)
    assert "did not end within" in voice.trouble
    count = tmp_path / "count"
    assert not count.exists() or count.read_text() == "x\n", "it may be ended before it could begin"
    voice.play(1)
    assert voice._player is not None
    voice.stop()
    assert not voice._player.look()
    assert voice._player._end is None


def test_a_cache_that_cannot_be_written_is_no_crash(
    machine: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(machine, "aplay", "true")
    (tmp_path / "tones").write_text("a file in the way")
    voice = Voice(tmp_path / "tones")
    assert not voice.play(1)
    assert voice.trouble.startswith("the tones cannot be written")
    assert voices.FOLDER
    assert os.environ["PATH"] == str(machine)
