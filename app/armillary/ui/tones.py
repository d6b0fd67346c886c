"""The sound of alarms: by Qt's multimedia module, else by a player of this machine, else as many beeps.

The wheel needs Qt's essentials only, and their one sound is the system's beep: then the count of beeps says
the priority, and the pitch does not (ADR 73). A beep is often not heard either, so that the desk says that it
has no sound, and why (`trouble`).
"""

from __future__ import annotations

import importlib
import importlib.util
import logging
from typing import Any

from PySide6.QtCore import QBuffer, QByteArray, QIODevice, QObject, QTimer, Signal
from PySide6.QtWidgets import QApplication

from armillary.session.sounding import GAP_S, RATE, TONE_S, TONES, wave_bytes
from armillary.session.voice import NO_PLAYER, Voice, can_play
from armillary.ui import timers

_WAV_HEADER = 44  # bytes before the samples
_MODULE = "PySide6.QtMultimedia"
LOOK_MS = 1_500  # after so long a player has ended, or waits for a device that is not there
_log = logging.getLogger(__name__)


def has_module() -> bool:
    """Return whether Qt itself can play sounds here."""
    return importlib.util.find_spec(_MODULE) is not None


class Tones(QObject):
    """Plays the tones of a priority; a tone that still sounds is not cut off."""

    changed = Signal()  # there is another word in `trouble`

    def __init__(self, parent: QObject | None = None, voice: Voice | None = None) -> None:
        super().__init__(parent)
        self.muted = False
        self._voice = voice or Voice()
        self._look = timers.once(self, LOOK_MS, self._heard)
        self.trouble = "" if has_module() or can_play() else NO_PLAYER  # why no tone is heard, "" = one is
        self._left = 0
        self._beeps = QTimer(self)
        self._beeps.setInterval(round(1000 * (TONE_S + GAP_S)))
        self._beeps.timeout.connect(self._beep)
        self._sink: Any = None  # Any: of a module that need not be installed
        self._buffer: QBuffer | None = None

    def play(self, priority: int) -> None:
        """Sound once."""
        if self.muted or priority not in TONES:
            return
        if self._played(priority):
            self._tell("")
        elif self._voice.play(priority):
            self._look.start()
        else:
            self._tell(self._voice.trouble)
            self._left = TONES[priority]
            self._beep()
            self._beeps.start()

    def stop(self) -> None:
        """Be silent: the desk closes."""
        self._voice.stop()

    def _heard(self) -> None:
        self._tell(self._voice.trouble)

    def _tell(self, trouble: str) -> None:
        if trouble != self.trouble:
            self.trouble = trouble
            self.changed.emit()

    def _beep(self) -> None:
        if self._left <= 0:
            self._beeps.stop()
            return
        self._left -= 1
        QApplication.beep()

    def _played(self, priority: int) -> bool:
        if not has_module():
            return False
        media = importlib.import_module(_MODULE)
        device = media.QMediaDevices.defaultAudioOutput()
        if device.isNull():
            return False
        if self._sink is None:
            wanted = media.QAudioFormat()
            wanted.setSampleRate(RATE)
            wanted.setChannelCount(1)
            wanted.setSampleFormat(media.QAudioFormat.SampleFormat.Int16)
            if not device.isFormatSupported(wanted):
                _log.info("the sound device takes no 16 bit at %d Hz: beeps instead", RATE)
                return False
            self._sink = media.QAudioSink(device, wanted, self)
        self._sink.stop()
        self._buffer = QBuffer(self)
        self._buffer.setData(QByteArray(wave_bytes(priority)[_WAV_HEADER:]))
        self._buffer.open(QIODevice.OpenModeFlag.ReadOnly)
        self._sink.start(self._buffer)
        return True
