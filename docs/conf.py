"""Settings of Sphinx. `docs/build.py` lays out the sources and calls it; nothing here reaches a network."""

import os
import sys
from pathlib import Path

import bayes_scaling as bs

sys.path.insert(0, str(Path(__file__).parent / "_ext"))

project = "bayes_scaling"
author = "the bayes_scaling developers"
project_copyright = f"2026, {author}"
version = release = getattr(bs, "__version__", "0.1.0")

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "numpydoc",
    "sphinx_copybutton",
    "equations",
    "views",
]
source_suffix = {".rst": "restructuredtext", ".md": "myst-nb", ".ipynb": "myst-nb"}  # the first is autosummary's
exclude_patterns = ["_templates", "_ext"]
templates_path = ["_templates"]

# Notebooks are shown as they are stored; `docs/build.py --execute` runs those that changed since they last ran.
nb_execution_mode = os.environ.get("BAYES_SCALING_DOCS_EXECUTE", "off")
nb_execution_cache_path = os.environ.get("BAYES_SCALING_DOCS_CACHE", "")
nb_execution_timeout = 1200
nb_execution_raise_on_error = True
nb_merge_streams = True
nb_mime_priority_overrides = [("html", "text/html", 0)]

myst_enable_extensions = ["colon_fence", "deflist", "fieldlist", "dollarmath"]
myst_heading_anchors = 3
myst_dmath_allow_space = False
myst_dmath_allow_digits = False

autosummary_generate = True
autosummary_imported_members = True
# Where a file system does not tell capitals, two names that differ in nothing else need files of other names.
autosummary_filename_map = {f"bayes_scaling.{name}": f"bayes_scaling.{name}.record" for name in ("Fit", "Prior")}
autodoc_typehints = "signature"
autodoc_typehints_format = "short"
autodoc_preserve_defaults = True
python_use_unqualified_type_names = True
python_maximum_signature_line_length = 88
numpydoc_show_class_members = False
numpydoc_class_members_toctree = False
numpydoc_xref_param_type = False
add_module_names = False
default_role = "code"

toc_object_entries = False
nitpicky = True
# Types in signatures are named as the source names them; only pages of this site can be linked to without a network.
nitpick_ignore_regex = [("py:.*", ".*")]

html_theme = "pydata_sphinx_theme"
html_title = "bayes_scaling"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_math_renderer = "mathml"
html_copy_source = False
html_show_sourcelink = False
html_theme_options = {
    "logo": {"text": "bayes_scaling"},
    "navbar_align": "left",
    "header_links_before_dropdown": 7,
    "show_prev_next": True,
    "show_toc_level": 2,
    "secondary_sidebar_items": ["page-toc"],
    "footer_start": ["copyright"],
    "footer_end": ["sphinx-version"],
    "pygments_light_style": "a11y-high-contrast-light",
    "pygments_dark_style": "a11y-high-contrast-dark",
    "search_bar_text": "Search",
}
html_sidebars = {"index": [], "changelog": [], "glossary": [], "start": []}
