"""What keeps tables small and quick to read while others write and read them: compaction, checkpoints, a short log, retention, vacuum."""
