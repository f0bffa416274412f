"""Whether to believe it: held-out runs, calibration, residuals, findings."""
