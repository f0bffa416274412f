"""Many fits at once: tasks, workers, results on disk."""
