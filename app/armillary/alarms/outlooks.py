"""What alarms of kind `predicted` watch: where a tag will be after a horizon, and how sure that is.

From the trend: the least-squares line through a window, and the interval in which one more reading will lie,

    line(x) ± t(confidence, m − 2) · s · √(1 + 1/m + (x − mean)² / (S · m/n))

(prediction interval of simple linear regression, NIST/SEMATECH e-Handbook 4.5.1.2), S the spread of the times
of n samples. Readings that follow each other are off the line together: m is what they are worth,
c (1 − r) / (1 + r) of c cells with the autocorrelation r of neighbours (Bayley and Hammersley 1946), and
s² = Σ (v − line)² / n · m / (m − 2). Independent readings, one a cell, make this the textbook's formula.

Or from a model: a tag that says what the value will be after the horizon, with the standard deviation of its
error where somebody knows it.

A signal is the value expected at the horizon while the limit is passed there with confidence, and inside the
limit when not even the expected value passes it; between the two it is on the limit, where nothing changes.
"""

from __future__ import annotations

from collections.abc import Sequence
from statistics import NormalDist

import numpy as np

from armillary.alarms.slopes import Fit
from armillary.model.alarm import AlarmSpec
from armillary.model.arrays import B1, F8, I8

FEWEST = 8  # samples of a window: from fewer nothing is foretold
_MOST = 64  # cells of a window: readings are never worth more
_LEAST = 3.0  # and never less, so that there is an interval at all
_NO_BAND = 1e-9  # of the limit: without a deadband there is room for "neither" all the same


class Judge:
    """Limits of n signals, and what is made of an expectation."""

    def __init__(self, specs: Sequence[AlarmSpec]) -> None:
        self.sign: F8 = np.array([1.0 if spec.direction == "above" else -1.0 for spec in specs])
        self.limit: F8 = np.array([spec.limit for spec in specs], np.float64)
        band = np.array([band_of(spec) for spec in specs], np.float64)
        self.clear_at: F8 = self.limit - self.sign * band
        self._still: F8 = _NO_BAND * np.maximum(1.0, np.abs(self.limit))  # going less far is standing still
        self.horizon_s: F8 = np.array([spec.horizon_s for spec in specs], np.float64)
        n = len(specs)
        self.left_s: F8 = np.full(n, np.nan)  # until the limit, as expected; NaN = it is not
        self.told: F8 = np.full(n, np.nan)  # the signal were nothing else known

    def see(self, s: I8, now: F8, ahead: F8, half: F8) -> F8:
        """Return the signal of some, (k,), by the value now, that at the horizon and its half interval."""
        sign, limit, clear_at = self.sign[s], self.limit[s], self.clear_at[s]
        nears = sign * (ahead - now) > self._still[s]
        sure = nears & (sign * (ahead - limit) - half > 0)
        off = ~nears | (sign * (ahead - clear_at) <= 0)
        inside = np.where(sign > 0, np.minimum(ahead, clear_at), np.maximum(ahead, clear_at))
        told: F8 = np.where(sure, ahead, np.where(off, inside, limit))
        told[np.isnan(ahead) | np.isnan(half)] = np.nan
        share = (limit - now) / np.where(nears, ahead - now, 1.0)
        self.left_s[s] = np.where(nears, np.clip(share, 0.0, 1.0) * self.horizon_s[s], np.nan)
        self.told[s] = told
        return told

    def over(self, s: I8, value: F8, was: B1) -> B1:
        """Return which values are beyond the limit, or were and are not inside it again: no prediction."""
        sign = self.sign[s]
        over = sign * (value - self.limit[s]) > 0
        out: B1 = over | (was & ~(sign * (value - self.clear_at[s]) <= 0))
        return out


def band_of(spec: AlarmSpec) -> float:
    """Return the deadband of a signal: never nothing, so that there is a value that changes nothing."""
    return max(spec.deadband, _NO_BAND * max(1.0, abs(spec.limit)))


class Quantiles:
    """Student's t for some confidences, one-sided, by degrees of freedom."""

    def __init__(self, confidence: F8) -> None:
        """confidence: (n,), above 0.5 and below 1."""
        from scipy.special import stdtrit  # only who foretells waits for it

        every, self._which = np.unique(confidence, return_inverse=True)
        self._table: F8 = stdtrit(np.arange(1, _MOST + 1)[None, :], every[:, None])

    def at(self, s: I8, freedom: F8) -> F8:
        """Return those of some, (k,); of a fraction the larger quantile counts."""
        place = np.clip(freedom, 1, _MOST).astype(np.int64) - 1
        out: F8 = self._table[self._which[s], place]
        return out


def interval(fit: Fit, ahead_s: F8, s: I8, quantiles: Quantiles) -> tuple[F8, F8]:
    """Return the value expected after `ahead_s` and how far a reading may be from it, (k,); NaN = unknown."""
    worth = np.maximum(fit.cells * (1.0 - fit.echo) / (1.0 + fit.echo), _LEAST)
    known = (fit.count >= FEWEST) & ~np.isnan(fit.slope)
    count = np.maximum(fit.count, 1.0)
    variance = fit.rest / count * worth / (worth - 2.0)
    spread = np.where(fit.spread_tt > 0, fit.spread_tt, 1.0) * worth / count
    x = fit.back_s + ahead_s
    half = quantiles.at(s, worth - 2.0) * np.sqrt(variance * (1.0 + 1.0 / worth + x * x / spread))
    ahead = fit.now + fit.slope * ahead_s
    return np.where(known, ahead, np.nan), np.where(known, half, np.nan)


def normal_half(specs: Sequence[AlarmSpec]) -> F8:
    """Return how far a reading may be from a model's forecast, (n,), by the error that its project tells."""
    normal = NormalDist()
    return np.array([spec.forecast_error * normal.inv_cdf(spec.confidence) for spec in specs], np.float64)
