"""The chapters of docs/results.md, an experiment each, made by scripts/results_page.py."""
