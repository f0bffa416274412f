"""The parameters that a model is given, held against those of its law."""

import difflib
from collections.abc import Mapping

from bayes_scaling._base.errors import InputError, format_names
from bayes_scaling.data.reserved import RESERVED
from bayes_scaling.laws.formula import law_families, law_indexed_groups, law_parts
from bayes_scaling.laws.library import Law, law_parameters
from bayes_scaling.model.names import OWN_PREFIXES
from bayes_scaling.model.parameters import Parameter, Trend, as_parameter
from bayes_scaling.model.priors import Prior


def require_parameters_of_law(law: Law, parameters: Mapping[str, Prior | Parameter]) -> None:
    """Refuse parameters other than the law's, and names that the model's own variables have."""
    expected, given = set(law_parameters(law)), set(parameters)
    if expected != given:
        raise InputError(_mismatch(law, expected, given))
    clash = sorted(name for name in expected if name.startswith(OWN_PREFIXES)) or sorted(expected & RESERVED)
    if clash:
        raise InputError(f"a parameter cannot be called {clash[0]!r}; choose another name")


def with_members(law: Law, parameters: Mapping[str, Prior | Parameter]) -> Mapping[str, Prior | Parameter]:
    """Return parameters with the members of each family, t_web and t_code of t, in its place; their own priors stay."""
    families = {name: members for name, members in law_families(law).items() if name in parameters}
    if not families:
        return parameters
    alike = {one: parameters[name] for name, members in families.items() for one in members}
    return alike | {name: of for name, of in parameters.items() if name not in families}


def require_indexed_terms(law: Law, parameters: Mapping[str, Prior | Parameter]) -> None:
    """Refuse a parameter that the law writes with a group, as t[output, j], and that has no term over it."""
    families = law_families(law)
    for name, groups in law_indexed_groups(law).items():
        for member in families.get(name, ()):
            known = {dim for term in as_parameter(parameters[member]).terms if not isinstance(term, Trend) for dim in term.dims}
            if missing := [group for group in groups if group not in known]:
                raise InputError(
                    f"the law has {name}[{', '.join(groups)}, ...], and nothing lets {member} differ between levels of "
                    f"{missing[0]!r}: expected a term over it, as prior + Varying({missing[0]!r}, sd=1.0), in a file "
                    f'varying = [{{ over = "{missing[0]}", sd = 1.0 }}]'
                )


def _mismatch(law: Law, expected: set[str], given: set[str]) -> str:
    """Say which parameters are too many or too few, and which name may have been meant."""
    parts = [f"law {law.__name__} has the parameters {format_names(expected)}; priors are given for {format_names(given)}"]
    for name in sorted(given - expected):
        near = difflib.get_close_matches(name, expected - given, 1, cutoff=0.3)
        hint = ", but a part of the law" if name in law_parts(law) else f", did you mean {near[0]!r}?" if near else ""
        parts.append(f"{name!r} is none of them{hint}")
    parts += [f"{name!r} has no prior" for name in sorted(expected - given)]
    return "; ".join(parts)
