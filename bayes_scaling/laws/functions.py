"""The functions that a law may use beside operators, as `bs.laws` has them; numpy's of the same names do as well."""

from bayes_scaling._base.functions import (
    absolute as absolute,
    exp as exp,
    log as log,
    maximum as maximum,
    mean as mean,
    minimum as minimum,
    sigmoid as sigmoid,
    softplus as softplus,
    sqrt as sqrt,
    tanh as tanh,
)
