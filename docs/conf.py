"""The documentation as a site: `sphinx-build -W -n --keep-going -b html docs build/docs`."""

import re
import subprocess
import sys
from pathlib import Path

from docutils import nodes
from numpydoc.xref import DEFAULT_LINKS

from vanilla_rnn import __version__

DOCS = Path(__file__).parent
EXAMPLE = DOCS.parent / "examples" / "01_worked_example.py"
PLACE = "<!-- worked_example.html -->"  # a code host, which shows no frames, shows nothing of it
FRAME = (
    '<iframe src="{root}worked_example.html" title="The worked example, to step through"'
    ' style="width: 100%; height: 60rem; border: 0"></iframe>\n\n'
    '<a href="{root}worked_example.html">This page by itself</a>'
)

project = "vanilla_rnn"
author = "The vanilla_rnn authors"
copyright = f"2026, {author}"  # noqa: A001  # Sphinx's name for it
version = release = __version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.autosummary", "numpydoc", "sphinx_copybutton"]
copybutton_prompt_text = r">>> |\.\.\. "  # what is copied is code alone, without what it prints
copybutton_prompt_is_regexp = True
# No intersphinx: it asks other hosts at every build, which then fails where they, or the network, aren't there.

html_theme = "furo"  # plain, reads well on a phone and in the dark, and asks no other host for anything
html_title = f"{project} {version}"
html_static_path = ["static"]
html_css_files = ["site.css"]
html_copy_source = False  # the sources are where the code is

# The prose is plain Markdown, as code hosts show it.
myst_heading_anchors = 3  # [...](design.md#names) leads to a heading by its words, as it does there

# The docstrings are numpydoc, and name what they speak of in single backticks, by as little of its path as is clear.
default_role = "any"
add_module_names = False  # all of it is this library's
autodoc_typehints = "none"  # the docstrings say the types, and the shapes too
autodoc_preserve_defaults = True  # np.float64, as it is written, not as it prints
autodoc_member_order = "bysource"
autosummary_generate = False  # its tables lead to the reference's own pages
numpydoc_show_class_members = False  # autodoc lists them, once
numpydoc_xref_param_type = True
numpydoc_xref_ignore = "all"  # of the words of a type, the reference's classes alone are links
numpydoc_xref_aliases = {
    path.rpartition(".")[2]: path
    for page in (DOCS / "reference").glob("*.md")
    for path in re.findall(r"^\.\. autoclass:: (\S+)", page.read_text("utf-8"), re.MULTILINE)
}


def signature(app, what, name, thing, options, given, returned):
    """None for what no reader makes, such as a record; a named tuple keeps its own, which says the order."""
    if what == "class" and not issubclass(thing, tuple) and "Parameters" not in (thing.__doc__ or ""):
        return "", None
    return given, returned


def short_citations(app, doctree, docname):
    """[1] for what numpydoc calls [R0123456789-1], to tell the docstrings of a page apart."""
    for text in list(doctree.findall(nodes.Text)):
        if found := re.fullmatch(r"\[R[0-9a-f]+-(\d+)\]", text):
            text.parent.replace(text, nodes.Text(f"[{found[1]}]"))


def make_worked_example(app):
    """Write the page to step through to the site's root, as a reader would."""
    if app.builder.format == "html":
        page = Path(app.outdir) / "worked_example.html"
        subprocess.run([sys.executable, EXAMPLE, "--html", page], check=True, stdout=subprocess.DEVNULL)


def prepare(app, docname, source):
    """Show that page in a frame where another one has a place for it; and end code where it ends."""
    text = source[0].replace(PLACE, FRAME.format(root="../" * docname.count("/")))
    source[0] = re.sub(r"\n\n```$", "\n```", text, flags=re.MULTILINE)  # doctest wants an empty line, readers don't


def setup(app):
    """Hook these in, and take numpydoc's own links out, to the documentation of Python and NumPy."""
    DEFAULT_LINKS.clear()
    app.connect("autodoc-process-signature", signature)
    app.connect("builder-inited", make_worked_example)
    app.connect("source-read", prepare)
    app.connect("doctree-resolved", short_citations)
