"""Spectrum of one pen: the longest stretch without a gap is sampled evenly, then transformed.

Amplitude: one FFT of all of it, corrected for the window, so that a sine of amplitude 1 reads 1. Density:
Welch's mean of halves that overlap, in unit²/Hz, whose integral is the variance.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from armillary.model.arrays import F8, I8
from armillary.model.clock import NS
from armillary.session.trend_maths import Stretch

Window = Literal["hann", "rectangular", "blackman", "flat top"]
WINDOWS: tuple[Window, ...] = ("hann", "rectangular", "blackman", "flat top")
Method = Literal["amplitude", "density"]
MOST = 1 << 18  # even points: beyond, the stretch is cut to its newest part
FEWEST = 16  # fewer points say nothing about frequencies
SEGMENTS = 8  # of Welch's mean, when there are points enough
_GAP = 5.0  # median gaps between samples are still one stretch, where the tag has no limit of its own
_COSINES: dict[str, tuple[float, ...]] = {
    "rectangular": (1.0,),
    "hann": (0.5, 0.5),
    "blackman": (0.42, 0.5, 0.08),
    "flat top": (0.21557895, 0.41663158, 0.277263158, 0.083578947, 0.006947368),  # ISO 18431-2
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Even:
    """Even samples: value i is at `from_ns` + i · step_s."""

    from_ns: int
    step_s: float
    value: F8
    spread: float  # how uneven the samples were: (p95 of gaps − p5) / median; 0 = a clock


@dataclass(frozen=True, slots=True, kw_only=True)
class Spectrum:
    """One side of a spectrum: k frequencies from 0 on."""

    hz: F8  # (k,)
    value: F8  # (k,) amplitude in the unit, or density in unit²/Hz
    method: Method
    window: Window
    step_s: float
    points: int  # even samples that it is made of
    used_ns: tuple[int, int]  # the stretch that it is made of
    spread: float
    peaks: tuple[tuple[float, float], ...]  # (Hz, value) of the highest, highest first


def weights(window: Window, n: int) -> F8:
    """Return a periodic window of n points."""
    phase = 2 * np.pi * np.arange(n) / max(n, 1)
    out: F8 = np.zeros(n)
    for order, share in enumerate(_COSINES[window]):
        out += (-1) ** order * share * np.cos(order * phase)
    return out


def longest(t_ns: I8, usable: np.ndarray[tuple[int], np.dtype[np.bool_]], limit_ns: float) -> slice:
    """Return the longest run in time of usable samples without a gap longer than `limit_ns`."""
    if not usable.any():
        return slice(0, 0)
    breaks = np.flatnonzero((np.diff(t_ns) > limit_ns) | ~usable[1:] | ~usable[:-1]) + 1
    starts, stops = np.concatenate([[0], breaks]), np.concatenate([breaks, [len(t_ns)]])
    span = np.where(usable[starts], t_ns[stops - 1] - t_ns[starts], -1)
    best = int(np.argmax(span))
    return slice(int(starts[best]), int(stops[best]))


def even(stretch: Stretch, from_ns: int, to_ns: int) -> Even | None:
    """Return a range's longest stretch at even steps of its median gap; None: too few samples.

    Needs samples, not buckets: a bucket has no phase. Lines lead from sample to sample, also for values
    that hold, where only the nearest even step moves.
    """
    if not stretch.is_exact:
        return None
    inside = slice(*np.searchsorted(stretch.t_ns, [from_ns, to_ns + 1]).tolist())
    t, value = stretch.t_ns[inside], stretch.mean[inside]
    if len(t) < FEWEST:
        return None
    gap = float(np.median(np.diff(t)))
    run = longest(t, np.isfinite(value), max(stretch.limit_s * NS, _GAP * gap))
    t, value = t[run], value[run]
    if len(t) < FEWEST:
        return None
    gaps = np.diff(t)
    step = max(float(np.median(gaps)), 1.0)
    n = min(int((t[-1] - t[0]) / step + 0.5) + 1, MOST)
    begin = int(t[-1]) - round((n - 1) * step)
    if n < FEWEST:
        return None
    low, high = np.percentile(gaps, (5.0, 95.0)).tolist()
    grid = np.arange(n) * step + (begin - int(t[0]))
    return Even(
        from_ns=begin,
        step_s=step / NS,
        value=np.interp(grid, (t - t[0]).astype(np.float64), value),
        spread=(high - low) / step,
    )


def spectrum(samples: Even, method: Method, window: Window, most_peaks: int = 5) -> Spectrum:
    """Return the spectrum of even samples; the mean is taken off first."""
    if method == "amplitude":
        hz, value = _amplitude(samples, window)
    else:
        hz, value = _density(samples, window)
    span_ns = int((len(samples.value) - 1) * samples.step_s * NS)
    return Spectrum(
        hz=hz,
        value=value,
        method=method,
        window=window,
        step_s=samples.step_s,
        points=len(samples.value),
        used_ns=(samples.from_ns, samples.from_ns + span_ns),
        spread=samples.spread,
        peaks=_peaks(hz, value, most_peaks),
    )


def frequencies(n: int, step_s: float) -> F8:
    """Return the frequencies in Hz of one side of n even points."""
    out: F8 = np.arange(n // 2 + 1) / (n * step_s)
    return out


def _one_side(transform: np.ndarray[tuple[int, ...], np.dtype[np.complex128]], n: int) -> F8:
    """Return how often each frequency counts: twice, but for 0 and the highest of an even number."""
    twice: F8 = np.full(transform.shape[-1], 2.0)
    twice[0] = 1.0
    if n % 2 == 0:
        twice[-1] = 1.0
    return twice


def _amplitude(samples: Even, window: Window) -> tuple[F8, F8]:
    n = len(samples.value)
    shape = weights(window, n)
    transform = np.fft.rfft((samples.value - samples.value.mean()) * shape)
    value: F8 = np.abs(transform) * _one_side(transform, n) / shape.sum()
    return frequencies(n, samples.step_s), value


def _density(samples: Even, window: Window) -> tuple[F8, F8]:
    """Return Welch's estimate: segments that overlap by half, each less its own mean."""
    n = len(samples.value)
    size = n if n < SEGMENTS * FEWEST else 2 * n // (SEGMENTS + 1)
    step = max(size // 2, 1)
    starts = np.arange(0, n - size + 1, step)
    pieces = samples.value[starts[:, None] + np.arange(size)]
    shape = weights(window, size)
    transform = np.fft.rfft((pieces - pieces.mean(axis=1, keepdims=True)) * shape, axis=1)
    power = (np.abs(transform) ** 2).mean(axis=0) * _one_side(transform, size)
    density: F8 = power * samples.step_s / float(shape @ shape)
    return frequencies(size, samples.step_s), density


def _peaks(hz: F8, value: F8, most: int) -> tuple[tuple[float, float], ...]:
    """Return the highest local maxima; those below a thousandth of the highest are noise."""
    if len(value) < FEWEST // 4:
        return ()
    inner = value[1:-1]
    tops = np.flatnonzero((inner > value[:-2]) & (inner >= value[2:])) + 1
    tops = tops[value[tops] > value.max() * 1e-3]
    best = tops[np.argsort(value[tops])[::-1][:most]]
    return tuple((float(hz[i]), float(value[i])) for i in best)
