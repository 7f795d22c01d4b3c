"""The sub-commands of ``mindtune``, a module each; ``listing`` is what two of them share."""
