"""The `voltlake` command, a module a noun. Imports of what is slow stand inside the commands."""
