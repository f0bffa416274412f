"""What a report says and shows, each part in a file of its own; `bayes_scaling.report` puts them together."""
