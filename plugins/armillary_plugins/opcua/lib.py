"""asyncua's types without its annotations."""

from __future__ import annotations

from typing import Any

from asyncua import ua as _ua

# Any: asyncua 2.1.0 annotates fields with marker classes (Int16, Boolean) that plain values never satisfy
ua: Any = _ua

# a value of a property here, of a request only for the library, so it does not know the encoding (2.1.0)
ua.register_extension_object("RelativePath", ua.NodeId(542), ua.RelativePath, ua.NodeId(540))
