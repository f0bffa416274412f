"""What is assumed before seeing runs: priors, noise, discrepancy; the model as PyMC has it; study files."""
