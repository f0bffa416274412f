"""What to train: the split of a budget, rankings, multiverses."""
