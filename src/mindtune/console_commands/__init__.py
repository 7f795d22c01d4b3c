"""The sub-commands of ``mindtune``, a module each."""
