"""The documentation as a site: `sphinx-build -W -n --keep-going -b html docs build/docs`."""

import re
import subprocess
import sys
from pathlib import Path

from docutils import nodes
from docutils.utils.math import latex2mathml
from numpydoc.xref import DEFAULT_LINKS

from vanilla_rnn import __version__

DOCS = Path(__file__).parent
sys.path.insert(0, str(DOCS))  # for the modules next to this file
import chapters  # noqa: E402

EXAMPLE = DOCS.parent / "examples" / "01_worked_example.py"
PLACE = "<!-- worked_example.html -->"  # a code host doesn't show it
FRAME = (
    '<iframe class="live" src="{root}worked_example.html" title="The worked example: change any number"'
    ' style="width: 100%; height: 60rem; border: 0"></iframe>\n\n'
    '<a href="{root}worked_example.html">Open this page alone</a>'
)
NOTEBOOK = '<p class="notebook"><a href="../notebooks/{name}.ipynb" download>This chapter as a notebook</a></p>\n'

LABELS = {  # what is in a page, and the same with its label
    'role="heading">': 'role="heading" aria-level="2">',  # the titles of the list of pages
    '<aside class="sidebar-drawer">': '<aside class="sidebar-drawer" aria-label="All pages">',
    '<aside class="toc-drawer">': '<aside class="toc-drawer" aria-label="This page">',
    'role="doc-biblioentry"': 'role="listitem"',  # its list allows nothing else
}

project = "vanilla_rnn"
author = "The vanilla_rnn authors"
copyright = f"2026, {author}"  # noqa: A001  # Sphinx's name for it
version = release = __version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.autosummary", "numpydoc", "sphinx_copybutton"]
copybutton_prompt_text = r">>> |\.\.\. "  # copies only the code, without its output
copybutton_prompt_is_regexp = True
# There is no intersphinx: it connects to other hosts at every build, and the build fails without a network.

html_theme = "furo"  # readable on a phone and in dark mode, and it loads nothing from other hosts
html_title = f"{project} {version}"
html_static_path = ["static"]
html_css_files = ["site.css"]
html_js_files = [("site.js", {"defer": "defer"})]
html_favicon = "static/favicon.svg"
html_math_renderer = "mathml"  # every browser can show it, and it needs no script
html_copy_source = False  # the sources are in the repository

# The prose is plain Markdown, as code hosts show it.
myst_enable_extensions = ["dollarmath"]
myst_heading_anchors = 3  # [...](design.md#names) links to a heading, as on code hosts

# The docstrings are numpydoc. They refer to other objects in single backticks, with the shortest unambiguous name.
default_role = "any"
add_module_names = False  # everything belongs to this library
autodoc_typehints = "none"  # the docstrings have the types and the shapes
autodoc_preserve_defaults = True  # shows np.float64 as it is written
autodoc_member_order = "bysource"
autosummary_generate = False  # the tables link to the reference's own pages
numpydoc_show_class_members = False  # autodoc lists them
numpydoc_xref_param_type = True
numpydoc_xref_ignore = "all"  # in a type, only the classes of the reference are links
numpydoc_xref_aliases = {
    path.rpartition(".")[2]: path
    for page in (DOCS / "reference").glob("*.md")
    for path in re.findall(r"^\.\. autoclass:: (\S+)", page.read_text("utf-8"), re.MULTILINE)
}


def signature(app, what, name, value, options, arguments, returned):
    """Hide the constructor's arguments of a class that users don't create, such as a run; named tuples keep theirs."""
    if what == "class" and not issubclass(value, tuple) and "Parameters" not in (value.__doc__ or ""):
        return "", None
    return arguments, returned


def short_citations(app, doctree, docname):
    """Write [1] for [R0123456789-1], numpydoc's label, which is unique among the docstrings of a page."""
    for text in list(doctree.findall(nodes.Text)):
        if label := re.fullmatch(r"\[R[0-9a-f]+-(\d+)\]", text):
            text.parent.replace(text, nodes.Text(f"[{label[1]}]"))


def make_worked_example(app):
    """Write the worked example's page to the root of the site, with the command that readers use."""
    if app.builder.format == "html":
        page = Path(app.outdir) / "worked_example.html"
        subprocess.run([sys.executable, EXAMPLE, "--html", page], check=True, stdout=subprocess.DEVNULL)


def make_notebooks(app):
    """Write every chapter as a notebook to the site."""
    if app.builder.format == "html":
        folder = Path(app.outdir) / "notebooks"
        folder.mkdir(parents=True, exist_ok=True)
        for page in chapters.CHAPTERS:
            (folder / f"{page.stem}.ipynb").write_text(chapters.notebook(page), "utf-8")


def add_labels(app, exception):
    """Add what screen readers need and the theme, docutils and numpydoc leave out."""
    if exception or app.builder.format != "html":
        return
    for page in Path(app.outdir).rglob("*.html"):
        text = page.read_text("utf-8")
        for without, labelled in LABELS.items():
            text = text.replace(without, labelled)
        page.write_text(text, "utf-8")


def prepare(app, docname, source):
    """Complete a page of Markdown with what only the site has.

    The worked example's page is put into a frame at its place, and a chapter gets a link to its notebook. The empty
    line at the end of code blocks is removed: only doctest needs it.
    """
    text = source[0].replace(PLACE, FRAME.format(root="../" * docname.count("/")))
    if (DOCS / f"{docname}.md") in chapters.CHAPTERS:
        title, rest = text.split("\n", 1)
        text = f"{title}\n\n{NOTEBOOK.format(name=Path(docname).name)}\n{rest}"
    source[0] = re.sub(r"\n\n```$", "\n```", text, flags=re.MULTILINE)


def inline_formula(writer, node):
    """Write a formula between words as MathML."""
    formula(writer, node, as_block=False)


def displayed_formula(writer, node):
    """Write a formula on a line of its own as MathML."""
    formula(writer, node, as_block=True)


def formula(writer, node, as_block):
    """Write the MathML that docutils makes of LaTeX; a subscript of several letters, as in W_xh, is one name."""
    latex = re.sub(r"_\{([a-z]{2,})\}", r"_{\\mathrm{\1}}", node.astext().strip())
    mathml = latex2mathml.tex2mathml(latex, as_block=as_block)
    writer.body.append(re.sub(r"\n\s*", "", mathml))
    raise nodes.SkipNode


def setup(app):
    """Register the functions above, and remove numpydoc's links to the documentation of Python and NumPy."""
    DEFAULT_LINKS.clear()
    app.connect("autodoc-process-signature", signature)
    app.connect("builder-inited", make_worked_example)
    app.connect("builder-inited", make_notebooks)
    app.add_html_math_renderer("mathml", (inline_formula, None), (displayed_formula, None))
    app.connect("source-read", prepare)
    app.connect("doctree-resolved", short_citations)
    app.connect("build-finished", add_labels)
