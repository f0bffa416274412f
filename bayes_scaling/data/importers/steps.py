"""Columns and fields that hold the step of a row."""

STEPS = (
    *("step", "_step", "global_step", "trainer/global_step", "train/global_step", "train/step", "training_step"),
    *("iteration", "iter", "iters", "steps", "update", "num_updates", "optimizer_step"),
)
"""Names, lower case, in the order they are taken: of several columns one is the step, and the others are metrics."""
