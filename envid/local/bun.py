"""Puts the Bun that ``tools/bun.json`` pins beside the other programs. Run as ``python -m envid.local.bun TARGET``."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from envid.adapters.blob_cache import BlobCache, default_cache_dir
from envid.adapters.bun_binary import fetch_bun, load_bun_pin
from envid.adapters.debian import native_architecture
from envid.errors import EnvidError

__all__ = ["main"]


def main(arguments: list[str]) -> int:
    """Fetch Bun, check it against its pin, and copy it to the path in ``arguments``; return the exit status."""
    target = Path(arguments[0])
    try:
        bun = fetch_bun(load_bun_pin(Path("tools/bun.json")), native_architecture(), BlobCache(default_cache_dir()))
    except EnvidError as error:
        sys.stderr.write(f"error: {error}\n")
        return error.exit_code
    temporary = target.with_suffix(".new")
    shutil.copyfile(bun, temporary)
    temporary.chmod(0o755)
    temporary.replace(target)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
