"""Tables in, checked runs out."""

from bayes_scaling.data import datasets as datasets
