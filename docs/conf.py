"""Settings of the documentation site. Nothing is fetched, neither at build time nor when a page is read."""

import os
import sys
import warnings
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE / "_ext"))
os.environ["MATPLOTLIBRC"] = str(HERE / "_ext" / "matplotlibrc")  # of the tutorials'

from crosstie import __version__  # noqa: E402

warnings.filterwarnings("ignore", message=".*set_application", module="sphinx_autodoc_typehints")  # its own to mend

project = "crosstie"
author = "The crosstie developers"
copyright = author  # noqa: A001  (Sphinx calls it so)
version = release = __version__

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.napoleon",
    "sphinx_autodoc_typehints",
    "sphinx_copybutton",
    "myst_nb",
    "docstrings",
    "mathml",
]
exclude_patterns = ["_build", "jupyter_execute"]
templates_path = ["_templates"]
default_role = "code"

myst_enable_extensions = ["dollarmath"]
myst_heading_anchors = 3
myst_dmath_double_inline = True
nb_execution_mode = "force"
nb_execution_raise_on_error = True
nb_execution_timeout = 120
nb_execution_show_tb = True
nb_merge_streams = True
nb_output_stderr = "remove-warn"  # a warning in a tutorial is a warning of the build

autosummary_generate = True
autodoc_member_order = "bysource"
napoleon_google_docstring = False
napoleon_use_rtype = False
typehints_defaults = "comma"
always_use_bars_union = True
suppress_warnings = [
    # Names that only type checkers import (Data, Tick, ...) are printed as they are written.
    "sphinx_autodoc_typehints.forward_reference",
    "sphinx_autodoc_typehints.guarded_import",
]

html_math_renderer = "mathml"
html_theme = "sphinx_book_theme"
html_title = f"crosstie {version}"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_sphinx = False
html_theme_options = {
    "home_page_in_toc": False,
    "show_navbar_depth": 1,
    "use_download_button": False,
    "use_fullscreen_button": False,
    "navigation_with_keys": False,
    "navbar_persistent": [],
    "pygments_light_style": "tango",
}
copybutton_prompt_text = r">>> |\$ "
copybutton_prompt_is_regexp = True
copybutton_exclude = ".linenos, .gp, .go, .c1"
