"""asyncua's types without its annotations."""

from __future__ import annotations

from typing import Any

from asyncua import ua as _ua

# Any: asyncua 2.1.0 annotates fields with marker classes (Int16, Boolean) that plain values never satisfy
ua: Any = _ua
