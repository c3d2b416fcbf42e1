"""End with a sentence for each thing that keeps a version from being released.

`python tools/ready.py v0.2.0` is the first job of the release workflow. A version is ready when the
tag, the package, CITATION.cff, CHANGELOG.md and the file of its public signatures name the same
one, every fragment of `changelog.d` is in the changelog, and no address is a placeholder.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

_TOP = Path(__file__).resolve().parents[1]
_PLACEHOLDER = re.compile(r"https?://[\w.-]*\.example\b")


def lacking(tag: str, top: Path) -> list[str]:
    """Give what a release of this tag lacks, a sentence each.

    Parameters
    ----------
    tag : str
        The tag of the commit, such as "v0.2.0".
    top : path
        The folder of the repository.

    Returns
    -------
    list of str
        Empty if the version can be released.
    """

    def text(name: str) -> str:
        return (top / name).read_text("utf-8")

    version = re.search(r'VERSION = "([^"]+)"', text("src/kohort/_version.py"))[1]
    fragments = sorted(path.name for path in (top / "changelog.d").glob("*.*.md"))
    checks = {
        f"The tag {tag} is not v{version}.": tag == f"v{version}",
        f"CITATION.cff names another version than {version}.": re.search(
            rf'^version: "?{re.escape(version)}"?$', text("CITATION.cff"), re.M
        ),
        f"CHANGELOG.md has no section {version}. Run: make changelog.": re.search(
            rf"^## {re.escape(version)} \(\d{{4}}-", text("CHANGELOG.md"), re.M
        ),
        f"Fragments are left in changelog.d: {', '.join(fragments)}. Run: make changelog.": (
            not fragments
        ),
        f"tests/signatures has no file of {version}. Run: make signatures.": (
            top / "tests" / "signatures" / f"{version}.json"
        ).is_file(),
        **{
            f"{name} has an address of the placeholder .example. Write the project's own.": (
                not _PLACEHOLDER.search(text(name))
            )
            for name in ("pyproject.toml", "CITATION.cff", "SECURITY.md")
        },
    }
    return [sentence for sentence, holds in checks.items() if not holds]


def main() -> None:
    if sentences := lacking(sys.argv[1], _TOP):
        sys.exit("\n".join(sentences))


if __name__ == "__main__":
    main()
