"""The model as one record, and what it consists of: terms, inputs, groups, and the names of all."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from math import isclose
from typing import Any

import pandas as pd

from bayes_scaling._base import checks
from bayes_scaling._base.errors import InputError, format_names
from bayes_scaling._base.numbers import exact
from bayes_scaling._base.views import view
from bayes_scaling.data.references import Reference
from bayes_scaling.data.reserved import RESERVED
from bayes_scaling.laws.formula import law_references, law_tree
from bayes_scaling.laws.library import Law, law_inputs
from bayes_scaling.model.discrepancy import (
    Discrepancy,
    check_knots,
    knot_dim,
    name as discrepancy_name,
    scales as discrepancy_scales,
)
from bayes_scaling.model.given_parameters import require_indexed_terms, require_parameters_of_law, with_members
from bayes_scaling.model.joint_prior import JointPrior, check_joint, margins, restricted
from bayes_scaling.model.names import (
    CELLS,
    NOISE_CORRELATION,
    NOISE_LENGTH,
    NOISE_PAIR,
    NOISE_PARTIAL,
    NOISE_SD,
    NOISE_WHITE,
    NU_BEYOND_ONE,
    ORDER,
    OUTLIER_ODDS,
    OUTLIER_SCALE,
    length_name,
    refuse_same_names,
    spread_name,
    term_name,
)
from bayes_scaling.model.noise import Noise
from bayes_scaling.model.parameters import (
    ByLevel,
    Effect,
    Ordered,
    Parameter,
    Placed,
    Pooled,
    Smooth,
    Trend,
    as_parameter,
)
from bayes_scaling.model.priors import Prior


@dataclass(frozen=True, repr=False)
class Model:
    """A law, a prior for each of its parameters, and how runs scatter about it.

    y = log L or L;   y_row = y(law(x_row / reference; parameters)) + discrepancy(x_row) + noise_row

    Parameters
    ----------
    law
        A plain function, data before the star and parameters after it.
    parameters
        Name -> `Prior`, or one with terms, `Prior + Varying + Smooth + Ordered + ByLevel + Trend`; the names are the law's. In
        a law with a sum over an index, as sum(t[j] * r[j]), that of t is that of each `t_NAME`. A trend may be on an input that
        the law itself does not read, as when the coefficients of a curve over tokens drift with model size.
    noise
        Scatter of single rows, and group effects.
    discrepancy
        Smooth functions of the inputs by which the truth may leave the law; none where the law is taken for the truth.
    unit
        Of the losses that the priors are for, as "nats/token": given runs in another unit, `fit` takes priors multiplied by
        what leads from one to the other, see `loss_units.in_unit_of`. "": of the runs, whatever that is.
    joint
        Priors of several parameters together, which then are not independent: of the law's, of noise_sd, or of the draws of
        a discrepancy. Each has its own prior as well, of the same median and factor.
    references
        Input -> where the priors of the law's parameters are: the value, a number or a `Reference` with its unit, that the
        input is divided by before the law sees it. Runs are put against them wherever a model meets runs. Of inputs that have
        none, priors are at the reference of the runs: that of their columns, or their middle. A study's model has those of the
        study, the model of a fit those of its runs; another prior in their place is taken to be at the same.

    Raises
    ------
    InputError
        Naming both sides, where the law's parameters and the priors differ, or a joint prior and the parameters' own, or the
        inputs and the references.

    Examples
    --------
    >>> from bayes_scaling.laws.library import power_law
    >>> priors = {"a": Prior(median=2.5, factor=2), "b": Prior(median=0.05, factor=2)}
    >>> Model(power_law, priors, Noise(Prior(median=0.01, factor=3)))  # doctest: +ELLIPSIS
    L = a compute^-b, over compute
      a             log-normal, 90 % in 1.2 to 5.0
      b             log-normal, 90 % in 0.025 to 0.10
      noise_sd      log-normal, 90 % in 0.0033 to 0.030
    ...
    """

    law: Law
    parameters: Mapping[str, Prior | Parameter]
    noise: Noise
    discrepancy: tuple[Discrepancy, ...] = ()
    unit: str = ""
    joint: tuple[JointPrior, ...] = ()
    references: Mapping[str, float | Reference] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not callable(self.law):
            raise InputError(
                f"the law of a model is a function, such as laws.chinchilla or what parse_law returns, not {self.law!r}"
            )
        checks.check(
            self,
            "of a model",
            parameters=checks.named(checks.record(Prior, Parameter)),
            unit=checks.text,
            noise=checks.record(Noise),
            discrepancy=checks.several(checks.record(Discrepancy)),
            joint=checks.several(checks.record(JointPrior)),
            references=checks.named(_reference),
        )
        object.__setattr__(self, "parameters", with_members(self.law, self.parameters))
        require_parameters_of_law(self.law, self.parameters)
        law_tree(self.law)  # refuses a function that cannot be written as a formula
        require_indexed_terms(self.law, self.parameters)
        _refuse_repeated_terms(self)
        for term, inputs in discrepancy_terms(self):
            check_knots(term, inputs)
        refuse_same_names(names_of(self))
        check_joint(self.joint, scalar_priors(self))
        object.__setattr__(self, "references", _with_those_of_law(self))

    def __repr__(self) -> str:
        return self.summary()

    def to_frame(self) -> pd.DataFrame:
        """Return the parameters and their priors in words, a row each."""
        return pd.DataFrame(view("bayes_scaling.model.description:model_frame")(self))

    def summary(self) -> str:
        """Return the model in words, a line each: its law, its priors, and how runs scatter about it."""
        return str(view("bayes_scaling.model.description:model_summary")(self))

    def prior_summary(self) -> str:
        """Return what the model expects before it sees runs, a sentence a line: intervals, and what goes with what."""
        return str(view("bayes_scaling.model.prior_sentences:prior_summary")(self))

    def plot_prior(self) -> Any:
        """Return the figure of the curves that the model expects before it sees runs, see `plots.prior_figure`."""
        return view("bayes_scaling.plots.prior:prior_figure")(self)

    def _repr_html_(self) -> str:
        """Return what notebooks show."""
        return str(view("bayes_scaling.model.description:model_page")(self))


def _reference(value: Any, what: str) -> Reference:
    """Return a reference, of a number one in whatever unit the runs count in."""
    return value if isinstance(value, Reference) else Reference(checks.positive(value, what))


def _refuse_repeated_terms(model: Model) -> None:
    terms = [(term_name(owner, term), term.dims) for owner, term in varyings(model)]
    terms += [(term_name(owner, term), (term.on,)) for owner, term in trends(model)]
    terms += [(discrepancy_name(term), term.dims) for term in model.discrepancy]
    if repeated := sorted({name for name, over in terms if terms.count((name, over)) > 1}):
        raise InputError(f"a term is given twice: {repeated[0]}; each varies over its groups once")


def _with_those_of_law(model: Model) -> dict[str, Reference]:
    """Return the references of a model's priors with those that its law names; refuse others than these, and unread inputs."""
    given = prior_references(model)
    if unread := set(given) - set(model_inputs(model)):
        raise InputError(
            f"references are of inputs that the model reads, {format_names(model_inputs(model))}, not {min(unread)!r}"
        )
    named = law_references(model.law)
    if other := next((name for name, of in named.items() if name in given and not isclose(given[name].value, of)), None):
        raise InputError(f"the law names ref({other}), {exact(named[other])}; the references of the model have {given[other]}")
    return {name: Reference(of) for name, of in named.items()} | given


def prior_references(model: Model) -> dict[str, Reference]:
    """Return the references that the priors of a model are at; those of other inputs are the runs' own."""
    return {name: of if isinstance(of, Reference) else Reference(of) for name, of in model.references.items()}


def with_prior_references(model: Model, references: Mapping[str, Reference]) -> Model:
    """Return a model whose priors are at references, of inputs that it reads."""
    own = {name: of for name, of in references.items() if name in model_inputs(model)}
    return model if own == model.references else replace(model, references=own)


def parameters_with_priors(model: Model) -> dict[str, Parameter]:
    """Return everything that a prior and terms describe: the law's parameters, and the scale of the scatter."""
    return {name: as_parameter(of) for name, of in {**model.parameters, NOISE_SD: model.noise.sd}.items()}


def varyings(model: Model) -> list[tuple[str, Effect]]:
    """Return every varying or smooth term of a model with the parameter, "noise_sd" or "residual" that it belongs to."""
    of_parameters = [(name, term) for name, parameter in parameters_with_priors(model).items() for term in parameter.terms]
    of_residuals = [("residual", effect) for effect in model.noise.effects]
    return [(owner, term) for owner, term in of_parameters + of_residuals if isinstance(term, Effect)]


def smooths(model: Model) -> list[tuple[str, Smooth]]:
    """Return every smooth term of a model with the parameter, "noise_sd" or "residual" that it belongs to."""
    return [(owner, term) for owner, term in varyings(model) if isinstance(term, Smooth)]


def pooled(model: Model) -> list[tuple[str, Pooled]]:
    """Return every term of a model over groups whose scale is learnt, with what it belongs to."""
    return [(owner, term) for owner, term in varyings(model) if not isinstance(term, ByLevel)]


def by_levels(model: Model) -> list[tuple[str, ByLevel]]:
    """Return every term of a model that gives levels priors of their own, with the parameter that it belongs to."""
    return [(owner, term) for owner, term in varyings(model) if isinstance(term, ByLevel)]


def ordereds(model: Model) -> list[tuple[str, Ordered]]:
    """Return every ordered term of a model with the parameter, or "noise_sd", that it belongs to."""
    return [(owner, term) for owner, term in varyings(model) if isinstance(term, Ordered)]


def placed(model: Model) -> list[tuple[str, Placed]]:
    """Return the smooth and the ordered terms of a model, whose levels have places, with what each belongs to."""
    return [*smooths(model), *ordereds(model)]


def smooth_lengths(model: Model) -> dict[str, Prior]:
    """Return the priors of the lengths of smooth terms, by the names of their draws."""
    return {length_name(owner, term): term.length for owner, term in smooths(model)}


def trends(model: Model) -> list[tuple[str, Trend]]:
    """Return every trend of a model with the parameter, or "noise_sd", that it belongs to."""
    return [
        (name, term)
        for name, parameter in parameters_with_priors(model).items()
        for term in parameter.terms
        if isinstance(term, Trend)
    ]


def noise_scales(model: Model) -> dict[str, Prior]:
    """Return the priors of what else the noise has, beside its scale, by the names of the draws."""
    noise, correlation = model.noise, model.noise.correlation
    found = {NOISE_LENGTH: correlation.length} if correlation else {}
    found |= {NOISE_WHITE: correlation.white} if correlation and correlation.white else {}
    found |= {OUTLIER_ODDS: noise.outliers.share, OUTLIER_SCALE: noise.outliers.scale} if noise.outliers else {}
    return found | ({NU_BEYOND_ONE: noise.nu} if noise.distribution == "student_t" else {})


def scalar_priors(model: Model) -> dict[str, Prior]:
    """Return the own prior of each number that may be in a joint prior, by the name of its draws."""
    own = {name: of.prior for name, of in parameters_with_priors(model).items()}
    scales = {name: prior for name, prior in noise_scales(model).items() if name != NU_BEYOND_ONE}
    return own | scales | discrepancy_scales(discrepancy_terms(model))


def marginal_priors(model: Model) -> dict[str, Prior]:
    """Return the distribution of each number of `scalar_priors` before the runs are seen: with the tails of a joint prior."""
    return scalar_priors(model) | margins(model.joint)


def changed(model: Model, **parts: Any) -> Model:
    """Return a model with other parts, as `dataclasses.replace` does, whose joint priors follow.

    Where a parameter in a joint prior has another median or factor, its margin is that; correlations and degrees of freedom
    stay. One that there is no more, or whose prior is no log-normal one, leaves the joint prior. Priors stay at the references
    that they are at, of the inputs that are still read.

    Examples
    --------
    >>> from bayes_scaling.model.defaults import sweep_model
    >>> changed(sweep_model("chinchilla"), discrepancy=()).discrepancy
    ()
    """
    joint = parts.pop("joint", None)
    alone = replace(model, **{"joint": (), "references": {}, **parts})
    with_places = alone if "references" in parts else with_prior_references(alone, prior_references(model))
    return replace(with_places, joint=restricted(model.joint, scalar_priors(alone)) if joint is None else joint)


def discrepancy_terms(model: Model) -> list[tuple[Discrepancy, tuple[str, ...]]]:
    """Return the terms of the discrepancy, each with the inputs that it depends on."""
    return [(term, term.over or tuple(law_inputs(model.law))) for term in model.discrepancy]


def model_inputs(model: Model) -> tuple[str, ...]:
    """Return the inputs that a model reads: the law's, then those that only a trend, a correlation or a discrepancy is on."""
    correlation = model.noise.correlation
    others = [term.on for _, term in trends(model)] + ([correlation.along] if correlation else [])
    others += [name for term in model.discrepancy for name in term.over or ()]
    return tuple(dict.fromkeys([*law_inputs(model.law), *others]))


def law_groups(model: Model) -> list[str]:
    """Return the groups between which the expected loss differs: those a point must name a level of."""
    of_law = {dim for owner, term in varyings(model) if owner in model.parameters for dim in term.dims}
    return sorted(of_law | {dim for term in model.discrepancy for dim in term.dims})


def names_of(model: Model) -> list[tuple[str, str]]:
    """Return every name that a model's draws, its compiled form and its tables use, each with what has it."""
    of_discrepancy = [(discrepancy_name(term), inputs) for term, inputs in discrepancy_terms(model)]
    inputs, groups = model_inputs(model), groups_used(model)
    derived = [
        *((term_name(*of), f"the levels of {of[0]} over {list(of[1].dims)}") for of in varyings(model)),
        *((spread_name(*of), f"the scale of {of[0]} over {list(of[1].dims)}") for of in pooled(model)),
        *((length_name(*of), f"the length of {of[0]} along {of[1].over!r}") for of in smooths(model)),
        *((term_name(*of), f"the trend of {of[0]} with {of[1].on!r}") for of in trends(model)),
        *((f"{name}_published", f"the parameter {name!r} in the inputs' own units") for name in model.parameters),
        *((name, "the noise") for name in (NOISE_SD, "noise_nu", *noise_scales(model))),
        *((name, "the discrepancy") for name, _ in of_discrepancy),
        *((name, "the discrepancy") for name in discrepancy_scales(discrepancy_terms(model))),
        *((knot_dim(x), f"the knots along {x!r}") for x in {x for _, over in of_discrepancy for x in over}),
        *((f"log_{x}", f"the logarithm of {x!r}") for x in inputs),
        *((f"index_{dim}", f"the levels of {dim!r}") for dim in groups),
        *((name, "the order of rows") for name in (ORDER if model.noise.correlation else ())),
        *((name, "the noise") for name in (_BETWEEN if model.noise.residual_correlation else ())),
        *((name, "what the package has of its own") for name in sorted(RESERVED - {"run"})),
    ]
    said = [(name, "a parameter") for name in model.parameters]
    said += [(name, "an input") for name in inputs] + [(dim, "a group") for dim in groups]
    return said + derived


_BETWEEN = (NOISE_CORRELATION, NOISE_PARTIAL, NOISE_PAIR, *CELLS)


def groups_used(model: Model) -> list[str]:
    """Return every group that a term of the model varies over, or between whose levels residuals are correlated."""
    terms: list[Effect | Discrepancy] = [*(term for _, term in varyings(model)), *model.discrepancy]
    between = model.noise.residual_correlation
    return sorted({dim for term in terms for dim in term.dims} | ({between.over} if between is not None else set()))
