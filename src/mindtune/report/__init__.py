"""The page of a run: ``report.html``, made from what lies in its folder and nothing else.

A section of the page is a module here, which reads the folder, and a template of the same name in
``templates/``. Templates draw charts as SVG, from places that the chart modules compute.
"""
