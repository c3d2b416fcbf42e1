"""Data sets that Debian packages hold, unpacked into the user's cache folder."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path


def fetch(package: str, name: str) -> Path:
    """Folder of the file `name` of a package, which is downloaded with apt at the first call."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = cache / "kohort" / "benchmarks" / package
    if not list(folder.rglob(name)):
        folder.mkdir(parents=True, exist_ok=True)
        subprocess.run(["apt-get", "download", package], cwd=folder, check=True)
        (archive,) = folder.glob("*.deb")
        subprocess.run(["dpkg", "-x", archive, folder], check=True)
    return next(folder.rglob(name)).parent
