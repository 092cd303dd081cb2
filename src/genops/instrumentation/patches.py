"""Patching classes so that it can be undone: what is wrapped, by whom, and what was there before."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any

import wrapt

Around = Callable[[Callable[..., Any], Any, tuple[Any, ...], Mapping[str, Any]], Any]


class Patches:
    """The layers that one instrumentation has put around methods.

    Someone else may wrap a method after us. Our layer is then buried and cannot be taken out without taking theirs
    out too, so it stays and `active` makes it transparent; it comes out once it is outermost again, and installing
    again brings it back to life instead of adding a second one.

    Attributes:
        active: Whether the layers do anything; every layer reads it on every call.
        lock: Held while layers are put in or taken out.
    """

    def __init__(self) -> None:
        self.active = False
        self.lock = threading.RLock()
        self._layers: dict[tuple[type, str], tuple[object, object]] = {}

    def __len__(self) -> int:
        return len(self._layers) if self.active else 0

    def wrap(self, owner: type, name: str, around: Around) -> None:
        """Put a layer around a method that the class itself defines; nothing where ours is there already.

        Args:
            owner: The class.
            name: Name of the method in the class's own dictionary.
            around: Called with (wrapped, instance, args, kwargs) in place of the method.
        """
        with self.lock:
            layer, _ = self._layers.get((owner, name), (None, None))
            found = vars(owner)[name]
            if layer is not None and _holds(found, layer):
                return
            layer = wrapt.FunctionWrapper(found, around)
            setattr(owner, name, layer)
            self._layers[owner, name] = layer, found

    def restore(self) -> None:
        """Make every layer transparent, and put the originals back where no other layer lies on top."""
        with self.lock:
            self.active = False
            for (owner, name), (layer, original) in list(self._layers.items()):
                if vars(owner).get(name) is layer:
                    setattr(owner, name, original)
                if not _holds(vars(owner).get(name), layer):
                    del self._layers[owner, name]


def _holds(found: object, layer: object) -> bool:
    """Return whether a layer is a callable or lies below it."""
    while found is not None:
        if found is layer:
            return True
        found = getattr(found, "__wrapped__", None)
    return False
