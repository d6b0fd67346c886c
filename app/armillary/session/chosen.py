"""What a person and the bindings chose of a scene: variants, and payloads loaded or left out."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from armillary.model.message import ChooseVariants, OpenScene


@dataclass(slots=True)
class Chosen:
    """Kept beside the scene child, which forgets it when it dies."""

    variants: dict[tuple[str, str], str] = field(default_factory=dict)  # (prim, set) -> choice
    payloads: dict[str, bool] = field(default_factory=dict)  # prim -> loaded

    def note(self, wish: ChooseVariants) -> None:
        """Take what is chosen now; what was chosen before of others stays."""
        self.variants |= {(path, name): choice for path, name, choice in wish.variants}
        self.payloads |= dict(wish.payloads)

    def asked_of(self, request: OpenScene) -> OpenScene:
        """Return a request for the scene as it was chosen."""
        variants = tuple((path, name, choice) for (path, name), choice in self.variants.items())
        return replace(request, variants=variants, payloads=tuple(self.payloads.items()))
