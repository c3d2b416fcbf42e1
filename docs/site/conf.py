"""Sphinx's settings, for the language that `build.py` names."""

from __future__ import annotations

import html
import os
import sys
from pathlib import Path
from typing import Any

_HERE = Path(__file__).parent
sys.path.insert(0, str(_HERE.parents[1]))

from docs.site import korean_search, lab  # noqa: E402
from docutils import nodes  # noqa: E402

import kohort  # noqa: E402

language = os.environ.get("KOHORT_DOCS_LANGUAGE", "en")
project, author, release = "kohort", "The kohort developers", kohort.__version__
project_copyright = "The kohort developers, Apache-2.0"
extensions = [
    "myst_parser",
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx_copybutton",
    "sphinx_design",
]
templates_path = [str(_HERE / "templates")]
exclude_patterns = ["files", "locale"]
locale_dirs = ["locale"]
default_role = "code"  # Docstrings put names between single backticks.
nitpicky = True
suppress_warnings = ["toc.empty_glob"]
myst_enable_extensions = ["colon_fence"]
myst_heading_anchors = 4
autodoc_typehints = "none"
autodoc_member_order = "bysource"
numpydoc_show_class_members = False
copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True

html_theme = "pydata_sphinx_theme"
html_title = "kohort"
html_static_path = [str(_HERE / "static")]
html_favicon = str(_HERE / "static" / "kohort.svg")
html_css_files = ["kohort.css"]
html_show_sourcelink = False
html_copy_source = False
_other = {"en": ("ko", "한국어"), "ko": ("en", "English")}[language]
html_context = {
    "default_mode": "auto",
    "other_language": _other[0],
    "other_language_name": _other[1],
}
html_theme_options = {
    "logo": {"text": "kohort", "image_light": "kohort.svg", "image_dark": "kohort.svg"},
    "header_links_before_dropdown": 7,
    "navbar_align": "left",
    "navbar_persistent": ["search-button"],
    "navbar_end": ["language", "theme-switcher"],
    "show_prev_next": True,
    "footer_start": ["copyright"],
    "footer_end": [],
    "pygments_light_style": "a11y-high-contrast-light",
    "pygments_dark_style": "a11y-high-contrast-dark",
    "show_toc_level": 2,
}
html_sidebars = {"index": [], "start": [], "release_notes": []}

_MANY = 8  # Parameters beyond which a signature says less than the list below it.


def _short(
    app: Any, what: str, name: str, obj: Any, options: Any, signature: str, returns: str
) -> Any:
    if signature and signature.count(",") >= _MANY:
        return "(...)", returns
    return signature, returns


def _skip(app: Any, what: str, name: str, obj: Any, skip: bool, options: Any) -> bool | None:
    function = getattr(obj, "fget", obj)
    is_own = str(getattr(function, "__module__", "")).startswith("kohort")
    return None if is_own else True


def _inlined(app: Any, doctree: nodes.document, name: str) -> None:
    """Drawings stand in the page itself, where they take on the colours of its theme; the style
    sheet shows either a drawing or, if there is one, its layout for a narrow screen.
    """
    for image in list(doctree.findall(nodes.image)):
        path = Path(app.srcdir) / image["uri"]
        if path.suffix == ".svg" and "drawing" in (text := path.read_text("utf-8")):
            phone = path.with_suffix(lab.PHONE)
            text += phone.read_text("utf-8") if phone.exists() else ""
            label = f'<svg role="img" aria-label="{nodes.unescape(image.get("alt", ""))}"'
            image.replace_self(nodes.raw("", text.replace("<svg", label), format="html"))


def _described(app: Any, name: str, template: str, context: dict[str, Any], doctree: Any) -> None:
    """The first paragraph of a page, for who finds it by a search engine."""
    first = next(doctree.findall(nodes.paragraph), None) if doctree else None
    if first is not None:
        text = html.escape(" ".join(first.astext().split()))
        context["metatags"] += f'<meta name="description" content="{text}">'


def setup(app: Any) -> None:
    """Search in Korean, short signatures, no methods of other libraries, drawings in the page."""
    app.add_search_language(korean_search.SearchKorean)
    app.connect("autodoc-process-signature", _short)
    app.connect("autodoc-skip-member", _skip)
    app.connect("doctree-resolved", _inlined)
    app.connect("html-page-context", _described)
