"""Adapters act: git, the registry, BuildKit, files. Each translates foreign errors into ``envid.errors``."""
