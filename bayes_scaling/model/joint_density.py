"""Log densities of joint priors, at arrays and as a symbol, and draws from them."""

from collections.abc import Mapping
from math import lgamma, log, pi
from typing import Any

import numpy as np

from bayes_scaling.model.joint_prior import Floats, JointPrior, location, scale_matrix, scales


def log_density(joint: JointPrior, values: Mapping[str, Any]) -> Floats:
    """Return the log density of parameters, in the user's units, at arrays of one shape."""
    u = np.stack([np.log(values[name]) for name in joint.parameters], axis=-1)
    return np.asarray(_log_kernel(joint, squared_distance(joint, u), np.log1p) - u.sum(axis=-1))


def squared_distance(joint: JointPrior, u: Floats) -> Floats:
    """Return the squared Mahalanobis distance of logarithms, along the last axis, from the middle."""
    z = np.linalg.solve(np.linalg.cholesky(scale_matrix(joint)), (u - location(joint))[..., None])[..., 0]
    return np.asarray((z**2).sum(axis=-1))


def log_ratio(joint: JointPrior, values: Mapping[str, Any]) -> Any:
    """Return, as a symbol, the log density of a joint prior over that of independent log-normal ones.

    Parameters
    ----------
    values
        Name -> the parameter as a symbol, in the user's units.
    """
    import pytensor.tensor as pt

    size, of = len(joint.parameters), scales(joint)
    u = pt.stack([pt.log(values[name]) for name in joint.parameters])
    z = (u - location(joint)) / of
    root = np.linalg.cholesky(np.array(joint.correlation))
    distance = ((np.linalg.inv(root) @ z) ** 2).sum()
    apart = -size * log(2 * pi) / 2 - float(np.log(of).sum()) - (z**2).sum() / 2
    return _log_kernel(joint, distance, pt.log1p) - apart


def _log_kernel(joint: JointPrior, distance: Any, log1p: Any) -> Any:
    """Return the log density of logarithms at a squared distance from the middle."""
    size, nu = len(joint.parameters), joint.nu
    root = float(np.linalg.slogdet(scale_matrix(joint))[1]) / 2
    if nu is None:
        return -(size * log(2 * pi) + distance) / 2 - root
    whole = lgamma((nu + size) / 2) - lgamma(nu / 2) - size * log(nu * pi) / 2
    return whole - root - (nu + size) / 2 * log1p(distance / nu)


def draw(joint: JointPrior, count: int, random: np.random.Generator) -> dict[str, Floats]:
    """Return independent draws of the parameters."""
    z = random.standard_normal((count, len(joint.parameters))) @ np.linalg.cholesky(scale_matrix(joint)).T
    if joint.nu is not None:
        z /= np.sqrt(random.chisquare(joint.nu, count) / joint.nu)[:, None]
    return dict(zip(joint.parameters, np.exp(location(joint) + z).T, strict=True))
