"""One family of node types per file; importing the package registers them all."""

from importlib import import_module
from pkgutil import iter_modules

from spinbot.config import Settings

for _module in iter_modules(__path__):
    import_module(f"{__name__}.{_module.name}")


def register(settings: Settings) -> None:
    """Import the modules that the settings name for further node types."""
    for module in settings.plugins:
        import_module(module)
