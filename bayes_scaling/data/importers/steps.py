"""Columns and fields that hold the step of a row, or name its run."""

STEPS = (
    *("step", "_step", "global_step", "trainer/global_step", "train/global_step", "train/step", "training_step"),
    *("iteration", "iter", "iters", "steps", "update", "num_updates", "optimizer_step"),
)
"""Names, lower case, in the order they are taken: of several columns one is the step, and the others are metrics."""

RUNS = ("name", "run", "run_name", "run name", "run_id", "display_name", "model", "model_name", "experiment", "exp", "id")
"""Columns, lower case, that name the run of a row where their cells differ."""
