"""What all rooms use: errors, files, numbers as people read and write them. It knows nothing of runs."""
