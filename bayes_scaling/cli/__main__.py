"""`python -m bayes_scaling.cli`."""

from bayes_scaling.cli.app import main

main()
