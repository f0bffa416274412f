"""Residuals that are correlated between the outputs of a run: against dense normals, with missing cells and errors."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import bayes_scaling as bs
from bayes_scaling._base.errors import InputError
from bayes_scaling.data.columns import MeasurementError
from bayes_scaling.decisions.design.candidates import scatter
from bayes_scaling.inference.densities import log_prior
from bayes_scaling.inference.expectation import posterior_expectation
from bayes_scaling.inference.log_likelihood import density_of_runs, log_density, log_likelihood
from bayes_scaling.inference.observation import group_effects_and_scale, residuals_and_scales
from bayes_scaling.inference.posterior_predictive import noise_parts, posterior_predictive, replicated
from bayes_scaling.inference.sampling import compiled
from bayes_scaling.model import lkj
from bayes_scaling.model.arrays import run_order
from bayes_scaling.model.residual_correlation import forward_backward, rows_given
from bayes_scaling.model.run_checks import check_runs
from bayes_scaling.model.studies.reading import parse_study
from bayes_scaling.model.studies.writing import study_text
from bayes_scaling.validation.compare import loo
from bayes_scaling.validation.standardized_residuals import standardized

COLUMNS = bs.Columns(
    {"params": bs.Input("N", "parameters", 1e8)},
    bs.Response(unit="nats/token"),
    outputs={"web": "loss_web", "code": "loss_code", "math": "loss_math"},
    measurement_error=MeasurementError("error"),
)
TRUE = np.array([[1.0, 0.8, -0.3], [0.8, 1.0, 0.0], [-0.3, 0.0, 1.0]])
SCALES = np.array([0.01, 0.02, 0.005])
FLOORS = np.array([1.8, 1.0, 1.3])
BETWEEN = bs.ResidualCorrelation("output")


def table(rows: int = 60, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    params = np.geomspace(1e7, 1e9, rows)
    scatter = rng.multivariate_normal(np.zeros(3), TRUE, rows) * SCALES
    losses = (FLOORS + 0.5 * (params[:, None] / 1e8) ** -0.3) * np.exp(scatter)
    found = pd.DataFrame(losses, columns=list(COLUMNS.by_output.values())).assign(N=params, error=0.0)
    found.loc[3:20, "loss_math"] = np.nan
    found.loc[30, "loss_web"] = np.nan
    return found


def model(**noise: object) -> bs.Model:
    sd = bs.Prior(median=0.01, factor=3) + bs.Varying("output", 0.7)
    return bs.Model(
        bs.parse_law("E + A * params**-alpha", ["params"]),
        {
            "E": bs.Prior(median=1.5, factor=2) + bs.Varying("output", 0.5),
            "A": bs.Prior(median=0.5, factor=2),
            "alpha": bs.Prior(median=0.3, factor=1.5),
        },
        bs.Noise(sd, **{"distribution": "normal", "residual_correlation": BETWEEN} | noise),
    )


@pytest.fixture
def cells() -> tuple[np.ndarray, ...]:
    """Return rows of four runs of up to four outputs, in no order: z, a, R, output, run."""
    rng = np.random.default_rng(3)
    r = lkj.matrices(lkj.correlations(np.tanh(rng.normal(size=(1, 6)))))[0]
    output, run = np.array([0, 1, 2, 3, 2, 0, 3, 1, 3, 0]), np.array([0, 0, 0, 0, 1, 1, 2, 3, 3, 3])
    mixed = rng.permutation(10)
    return rng.normal(size=10), rng.uniform(0.5, 1, 10), r, output[mixed], run[mixed]


def dense(z: np.ndarray, a: np.ndarray, r: np.ndarray, output: np.ndarray, run: np.ndarray) -> float:
    covariance = np.where(run[:, None] == run, r[output[:, None], output] * a[:, None] * a, 0.0)
    np.fill_diagonal(covariance, 1.0)
    return float(stats.multivariate_normal.logpdf(z, np.zeros(len(z)), covariance))


def test_the_density_is_that_of_one_normal_a_run(cells) -> None:
    z, a, r, output, run = cells
    value, *slopes = forward_backward(z, a, r, output, *run_order(run))
    assert value == pytest.approx(dense(*cells), rel=1e-12)
    assert rows_given(z, a, r, output, *run_order(run)).sum() == pytest.approx(value, rel=1e-12)
    step = 1e-6
    for place, (of, slope) in enumerate(zip((z, a, r), slopes, strict=True)):
        for at in np.ndindex(of.shape):
            if place == 2 and at[0] <= at[1]:
                continue
            moved = np.zeros_like(of)
            moved[at] = moved[at[::-1]] = step
            up, down = ([*cells[:place], of + sign * moved, *cells[place + 1 :]] for sign in (1, -1))
            known = slope[at] + (slope[at[::-1]] if place == 2 else 0.0)
            assert known == pytest.approx((dense(*up) - dense(*down)) / (2 * step), rel=1e-5, abs=1e-6)


@pytest.mark.parametrize(("outputs", "eta"), [(2, 1.0), (4, 2.0), (6, 0.7)])
def test_partial_correlations_make_the_lkj_distribution(outputs: int, eta: float) -> None:
    found = lkj.correlations(lkj.draw_partial(outputs, eta, 20000, np.random.default_rng(1)))
    shape = eta - 1 + outputs / 2
    for pair in found.T:
        assert stats.kstest((pair[:2000] + 1) / 2, stats.beta(shape, shape).cdf).pvalue > 1e-4
        assert pair.std() == pytest.approx(1 / np.sqrt(2 * eta + outputs - 1), rel=0.05)
    np.testing.assert_allclose(lkj.matrices(found)[:, np.tril_indices(outputs, -1)[0], np.tril_indices(outputs, -1)[1]], found)
    assert np.linalg.eigvalsh(lkj.matrices(found[:500])).min() > 0


def test_the_compiled_density_is_right_and_serves_other_runs() -> None:
    runs = bs.read_runs(table().assign(error=0.004), COLUMNS)
    own = compiled(model(), runs)
    x = own.start(1)
    value, slope = own.evaluate(x)
    step = 1e-5 * np.eye(len(x))
    differences = [(own.evaluate(x + of)[0] - own.evaluate(x - of)[0]) / 2e-5 for of in step]
    np.testing.assert_allclose(slope, differences, rtol=1e-4, atol=1e-3)
    fewer = compiled(model(), bs.read_runs(table(30), COLUMNS))
    assert fewer.density is own.density
    # The density of the correlations alone: what differs where nothing else does, in a model without rows' say, is LKJ's.
    at = list(own.density.variables).index("noise_partial")
    assert at == len(own.density.variables) - 1
    y = x[-3:]
    assert np.isfinite(value)
    moved = np.append(x[:-3], 0.5 * y)
    r = [lkj.correlations(np.tanh(of)[None]) for of in (y, 0.5 * y)]
    b = lkj.beta_shapes(3, 2.0)
    prior = [float((b * np.log1p(-(np.tanh(of) ** 2))).sum()) for of in (y, 0.5 * y)]
    z = own.arrays["response"]
    assert z.shape == (161,)
    rows = [_rows_density(own, x, one[0]) for one in r]
    change = own.evaluate(moved)[0] - value
    assert change == pytest.approx(prior[1] - prior[0] + rows[1] - rows[0], rel=1e-6, abs=1e-6)


def _rows_density(own, x: np.ndarray, pairs: np.ndarray) -> float:
    """Return the density of rows at a point, as a dense normal of each run."""
    from bayes_scaling.inference.compiling import split
    from bayes_scaling.inference.expansion import expand
    from bayes_scaling.inference.row_residuals import row_residuals

    runs = bs.read_runs(table().assign(error=0.004), COLUMNS)
    levels = {"output": runs.levels["output"]}
    drawn = expand(model(), split(own, x[None]), own.arrays, levels, 1, 0)
    draws = {str(name): of.to_numpy().reshape(1, *of.shape[2:]) for name, of in drawn.data_vars.items()}
    left, scale = row_residuals(model(), draws, own.arrays)
    error = own.arrays["measurement_error"]
    share = np.sqrt(1 - (error / scale[0]) ** 2)
    run = pd.factorize(runs.table["run"])[0]
    return dense(left[0] / scale[0], share, lkj.matrices(pairs), own.arrays["index_output"], run) - np.log(scale).sum()


def test_draws_before_the_runs_and_runs_drawn_from_them_have_the_correlation() -> None:
    runs = bs.read_runs(table(), COLUMNS)
    fit = bs.prior(model(), runs, draws=800)
    pairs = fit.posterior["noise_correlation"].coords["noise_pair"].to_numpy()
    assert pairs.tolist() == ["code, math", "code, web", "math, web"]
    assert fit.posterior["noise_correlation"].std().item() == pytest.approx(1 / np.sqrt(6), rel=0.1)
    drawn = replicated(fit, runs.table, 1).to_numpy().reshape(800, -1)
    left = np.log(drawn) - np.log(
        posterior_expectation(fit, runs.table).transpose("chain", "draw", "row").to_numpy().reshape(800, -1)
    )
    sd = fit.posterior["noise_sd"].to_numpy().reshape(-1, 1) * np.exp(
        fit.posterior["noise_sd_by_output"].to_numpy()[0][:, np.searchsorted(runs.levels["output"], runs.table["output"])]
    )
    z = left / sd
    own = runs.table.groupby("run").indices["row 50"]
    names = runs.table["output"].to_numpy()[own]
    code, web = own[names == "code"][0], own[names == "web"][0]
    known = fit.posterior["noise_correlation"].sel(noise_pair="code, web").to_numpy().ravel()
    # E z_i z_j = r, so that their product has the slope 1 on it.
    assert np.polyfit(known, z[:, code] * z[:, web], 1)[0] == pytest.approx(1.0, abs=0.35)
    other = runs.table.groupby("run").indices["row 51"][0]
    assert abs(np.corrcoef(z[:, code], z[:, other])[0, 1]) < 0.15
    alone = posterior_predictive(fit, runs.table.assign(run="new", output="other"), 0)
    assert np.isfinite(alone.to_numpy()).all()


def test_a_second_row_of_an_output_is_of_another_run() -> None:
    fit = bs.prior(model(), bs.read_runs(table(), COLUMNS), draws=800)
    one = pd.DataFrame({"params": 1e8, "output": ["web", "code", "web", "code"], "run": "new"})
    z = np.concatenate(list(noise_parts(fit, one, 3)[1].transpose("chain", "draw", "row").to_numpy()))
    z = z / scales(fit, one)
    known = fit.posterior["noise_correlation"].sel(noise_pair="code, web").to_numpy().ravel()
    for first, second, slope in ((0, 1, 1.0), (2, 3, 1.0), (0, 3, 0.0), (0, 2, 0.0)):
        assert np.polyfit(known, z[:, first] * z[:, second], 1)[0] == pytest.approx(slope, abs=0.4)
    # Candidates that show each output twice are as good as two runs, whose rows are independent of each other's.
    covariance = scatter(fit, one.assign(mean_lag=0.0), np.arange(4)[None], 0)[0]
    assert covariance[0, 1] != 0.0
    np.testing.assert_allclose(covariance[:2, :2], covariance[2:, 2:])
    np.testing.assert_array_equal(covariance[:2, 2:], 0.0)


def scales(fit: bs.Fit, frame: pd.DataFrame) -> np.ndarray:
    found = group_effects_and_scale(fit, frame, 0, new=False)[1].transpose("chain", "draw", "row").to_numpy()
    return found.reshape(-1, len(frame))


def test_whole_runs_with_outliers_have_the_densities_of_their_rows() -> None:
    outliers = bs.Outliers(bs.Prior(median=0.01, factor=5), bs.Prior(median=20.0, factor=2))
    noise = bs.Noise(bs.Prior(median=0.01, factor=3), "normal", outliers=outliers)
    fit = bs.prior(bs.Model(model().law, model().parameters, noise), bs.read_runs(table(12), COLUMNS), draws=5)
    rows = log_density(fit, fit.runs.table, new=False)
    np.testing.assert_allclose(density_of_runs(fit).sum("run"), rows.sum("row"), rtol=1e-9)


def test_rows_of_a_long_table_that_are_correlated_are_left_out_together() -> None:
    wide = bs.read_runs(table(12), COLUMNS).table
    long = wide.rename(columns={"params": "N", "response": "loss"})[["N", "run", "output", "loss"]]
    columns = bs.Columns(
        {"params": bs.Input("N", "parameters", 1e8)}, bs.Response(unit="nats/token"), groups={"output": "output"}, run="run"
    )
    fit = bs.prior(model(), bs.read_runs(long, columns), draws=50)
    assert loo(fit).n_data_points == 12
    with pytest.raises(InputError, match="a log is carried on by a fit of one response"):
        bs.forecast(fit, long.head(3), at=1e10)


def test_findings_take_errors_of_outputs_for_independent() -> None:
    fit = bs.prior(model(), bs.read_runs(table(12).assign(error=0.5), COLUMNS), draws=50)
    left, scale, _ = residuals_and_scales(fit, fit.runs.table, fit.runs.table["response"].to_numpy())
    rows = len(fit.runs)
    bare = (left.reshape(-1, rows) / np.median(scale.reshape(-1, rows), axis=0)).mean(axis=0)
    # The error is nearly all of the scatter, so that there is nothing to take apart.
    np.testing.assert_allclose(standardized(fit).z, bare, atol=0.01)


def test_the_stored_likelihood_and_that_of_whole_runs_agree() -> None:
    fit = bs.prior(model(), bs.read_runs(table().assign(error=0.003), COLUMNS), draws=20)
    rows = log_likelihood(fit)
    assert "the rows before it in its run" in rows.attrs["given"]
    of_log = rows.sum("row") + np.log(fit.runs.table["response"]).sum()
    np.testing.assert_allclose(of_log, density_of_runs(fit).sum("run"), rtol=1e-8)
    r = lkj.matrices(fit.posterior["noise_correlation"].to_numpy())
    np.testing.assert_allclose(log_prior(fit)["noise_correlation"], np.log(np.linalg.det(r)), rtol=1e-9)


def test_run_effects_are_integrated_out_of_runs_left_out() -> None:
    sd = bs.Prior(median=0.01, factor=3)
    plain = bs.Model(model().law, model().parameters, bs.Noise(sd, "normal", effects=(bs.Varying("run", 0.02),)))
    fit = bs.prior(plain, bs.read_runs(table(12), COLUMNS), draws=5)
    found, draw = density_of_runs(fit), 3
    rows = fit.runs.table.groupby("run", sort=False).indices["row 1"]
    expected = np.log(posterior_expectation(fit, fit.runs.table).transpose("chain", "draw", "row").to_numpy()[0, draw, rows])
    scale, shared = (fit.posterior[name].to_numpy()[0, draw] for name in ("noise_sd", "residual_sd_run"))
    left = np.log(fit.runs.table["response"].to_numpy()[rows]) - expected
    covariance = scale**2 * np.eye(3) + shared**2
    assert found[0, draw, 0].item() == pytest.approx(stats.multivariate_normal.logpdf(left, np.zeros(3), covariance), rel=1e-9)


def test_what_cannot_be_correlated_is_refused() -> None:
    with pytest.raises(InputError, match='need distribution = "normal"'):
        model(distribution="student_t")
    along = bs.Correlation("params", bs.Prior(median=1.0, factor=2))
    with pytest.raises(InputError, match="expected no correlation along runs beside it"):
        model(correlation=along)
    one = bs.Columns({"params": bs.Input("N", "parameters", 1e8)}, bs.Response("loss_web", "nats/token"))
    plain = bs.Model(
        model().law,
        {name: bs.Prior(median=0.5, factor=2) for name in ("E", "A", "alpha")},
        bs.Noise(bs.Prior(median=0.01, factor=3), "normal", residual_correlation=BETWEEN),
    )
    with pytest.raises(InputError, match="is between levels of 'output' in one run; the groups of the runs are"):
        check_runs(plain, bs.read_runs(table().dropna(), one))
    twice = pd.concat([table(), table().assign(N=5e8)], ignore_index=True).assign(run=[*range(60)] * 2)
    with pytest.raises(InputError, match=r"run 0 has two rows of output 'web'; expected one"):
        bs.prior(model(), bs.read_runs(twice, COLUMNS), draws=5)
    with pytest.raises(InputError, match="a log is carried on by a fit of one response"):
        bs.forecast(bs.prior(model(), bs.read_runs(table(), COLUMNS), draws=5), table().head(5), at=1e10)


def test_a_model_file_has_it() -> None:
    from bayes_scaling.model.studies.study import Study

    text = study_text(Study("mine", model(), COLUMNS))
    assert "[noise.residual_correlation]" in text
    again = parse_study(text, "mine.toml")
    assert again.model.noise == model().noise
    assert "The scatter of one run is correlated between levels of output: LKJ(2)." in again.model.summary()


@pytest.mark.slow
def test_correlations_are_recovered_and_travel(tmp_path) -> None:
    runs = bs.read_runs(table(), COLUMNS)
    fit = bs.fit(model(), runs, bs.Settings(draws=500, tune=500, seed=2, progress=False))
    found = fit.posterior["noise_correlation"]
    low, high = found.quantile([0.005, 0.995], ("chain", "draw")).to_numpy()
    for pair, true in {"code, web": 0.8, "math, web": -0.3, "code, math": 0.0}.items():
        place = found.coords["noise_pair"].to_numpy().tolist().index(pair)
        assert low[place] < true < high[place]
    left_out = loo(fit)
    assert left_out.n_data_points == 60
    bs.save(fit, tmp_path / "fit.nc")
    again = bs.load(tmp_path / "fit.nc")
    np.testing.assert_array_equal(again.posterior["noise_correlation"], found)
    bs.write_report(fit, tmp_path / "report.html")
    assert "noise_correlation" in (tmp_path / "report.html").read_text()
    assert len(bs.score(again, table(seed=1)).points) == len(runs)
