"""The Feast repo: definitions only. `feast apply` imports every module below this folder."""
