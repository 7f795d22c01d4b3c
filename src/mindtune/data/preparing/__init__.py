"""Makes few-shot sets on disk out of the archives that their images come from."""
