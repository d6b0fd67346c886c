"""Bindings, scene, tags and colour maps → a Program of index arrays."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """What `encoding.resolve` runs."""
