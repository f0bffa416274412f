"""What everything rests on and knows nothing of runs: errors, files, numbers as people read and write them."""
