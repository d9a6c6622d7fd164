"""The documentation site: `make site` builds it into build/site, from the pages in this folder."""

from __future__ import annotations

from indexer import __version__

project = "data-asset-indexer"
version = release = __version__

extensions = ["myst_parser", "sphinx_copybutton"]
nitpicky = True

myst_heading_anchors = 4  # links to headings, as Git hosts make them
myst_links_external_new_tab = False

highlight_language = "text"  # of blocks that name none
copybutton_prompt_text = "$ "  # a click copies what is typed, not what is printed

html_theme = "furo"
html_title = f"indexer {__version__}"
html_show_copyright = False
html_copy_source = False
html_show_sourcelink = False
html_static_path = ["_static"]
html_css_files = ["site.css"]
