"""pydantic's compiled core, without the Python package around it.

``import pydantic_core`` first declares a hundred typed dictionaries, which describe schemas to type checkers: 12 of the
13 milliseconds that it takes. The extension module inside needs none of them; it is loaded under its own name, so that
who imports the package later gets the same one.
"""

from __future__ import annotations

import importlib
import sys
from importlib.machinery import PathFinder
from importlib.util import find_spec, module_from_spec
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from types import ModuleType

__all__ = ["SchemaValidator", "ValidationError", "__version__"]

_PACKAGE: Final = "pydantic_core"
_EXTENSION: Final = f"{_PACKAGE}._pydantic_core"


def _load() -> ModuleType:
    package = find_spec(_PACKAGE)
    spec = PathFinder.find_spec(_EXTENSION, package.submodule_search_locations) if package is not None else None
    if _EXTENSION in sys.modules or spec is None or spec.loader is None:
        # it is loaded already, or laid out in another way than is known here
        return importlib.import_module(_PACKAGE)
    module = sys.modules[_EXTENSION] = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


if TYPE_CHECKING:
    from pydantic_core import SchemaValidator, ValidationError, __version__
else:
    _core = _load()
    __version__ = _core.__version__
    SchemaValidator = _core.SchemaValidator
    ValidationError = _core.ValidationError
