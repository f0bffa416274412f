"""The interval about a median, of draws of which some may be unknown."""

import numpy as np
import pytest

from bayes_scaling._base.quantiles import median_interval


def test_draws_that_are_known_are_summarised_as_numpy_does() -> None:
    draws = np.random.default_rng(1).normal(size=(2, 50, 3))
    np.testing.assert_array_equal(median_interval(draws, axis=(0, 1)), np.quantile(draws, [0.05, 0.5, 0.95], axis=(0, 1)))
    assert median_interval(draws).shape == (3,)


def test_draws_that_are_unknown_are_left_out() -> None:
    assert median_interval(np.array([np.nan, 1.0, 3.0])) == pytest.approx([1.1, 2.0, 2.9])
    found = median_interval(np.array([[np.nan, 1.0], [np.nan, 3.0]]), axis=0)
    assert np.isnan(found[:, 0]).all()
    assert found[1, 1] == 2.0
