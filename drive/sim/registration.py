"""Tells gymnasium of `drive/Town-v0` and `drive/Log-v0` once both packages are imported, in either order.

gymnasium 1 looks for no plug-ins (it dropped its entry points), and importing it here would make `import drive` slow.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType

ENVIRONMENTS = {"drive/Town-v0": "drive.sim.env:TownEnv", "drive/Log-v0": "drive.sim.env:LogEnv"}


def register_when_imported() -> None:
    """Registers the environments now where gymnasium is loaded, else right after it will be."""
    if "gymnasium" in sys.modules:
        _register()
    elif not any(isinstance(finder, _AfterGymnasium) for finder in sys.meta_path):
        sys.meta_path.insert(0, _AfterGymnasium())


def _register() -> None:
    import gymnasium

    for name, entry in ENVIRONMENTS.items():
        if name not in gymnasium.registry:
            gymnasium.register(name, entry_point=entry)


class _AfterGymnasium(MetaPathFinder):
    """Finds gymnasium as usual, once, and registers the environments when it is loaded."""

    def find_spec(self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:
        """Of every other module nothing is known here."""
        if fullname != "gymnasium":
            return None
        from importlib.util import find_spec

        sys.meta_path.remove(self)
        spec = find_spec(fullname)
        if spec is not None and spec.loader is not None:
            load = spec.loader.exec_module

            def load_and_register(module: ModuleType) -> None:
                load(module)
                _register()

            spec.loader.exec_module = load_and_register  # type: ignore[method-assign]
        return spec
