"""Groups of a table in a law: which parameters differ between their levels, and by how much beforehand."""

import re
from dataclasses import replace

from bayes_scaling._base.numbers import format_count
from bayes_scaling.data.roles.groups import levels_text
from bayes_scaling.data.roles.record import Role
from bayes_scaling.data.roles.words import is_corpus_name, split_words
from bayes_scaling.model.studies.propose.draft import Draft, comment, literal
from bayes_scaling.model.studies.propose.shape import Shape

SCHEDULES = {"schedule", "scheduler"}
"""Words in the name of a group whose levels are schedules of the learning rate."""
MOST_GROUPS, MOST_LEVELS = 2, 24
"""Groups that a study reads, and levels of one that are told apart, at most."""

LIKE_CORPORA = {"E": 0.3, "A": 0.2, "B": 0.2, "a": 0.2, "level": 0.3, "size_gain": 0.2}
LIKE_ARCHITECTURES = {"E": 0.02, "A": 0.05, "B": 0.05, "a": 0.05, "level": 0.03, "size_gain": 0.2}
"""Parameter -> standard deviation, on the logarithm, of levels of a group."""
WHY = {
    True: "Losses on several corpora differ by tens of percent, and so may what size and data still cost.",
    False: "An architecture, optimizer or recipe worth trying costs or gains a few percent of the loss. On all terms: were the "
    "floor shared, every gain would fade with scale.",
}


def with_groups(draft: Draft, shape: Shape) -> Draft:
    """Return a study whose law differs between the levels of the groups of a table; at most two, the others are said."""
    groups = dict(shape.roles.groups) | _experts(shape)
    if not groups or draft.groups:
        return draft
    single = [name for name in groups if _takes_one_level(name, shape)]
    filters = (*draft.filters, *(_one_level(shape, name) for name in single))
    crossed = [name for name in groups if name in shape.crossed and name not in single]
    order = [name for name in groups if name not in single]
    order.sort(key=lambda name: (name not in crossed, _is_corpus(name, shape)))
    taken, left = order[:MOST_GROUPS], order[MOST_GROUPS:]
    law, run = draft.law, draft.run
    for name in taken:
        law = _varying(law, name, _is_corpus(name, shape))
    if set(crossed) & set(taken) and shape.run is not None and run is None:
        run, law = shape.run, _shared(law)
    return replace(
        draft,
        law=law,
        groups={name: groups[name].column for name in taken},
        data=(*draft.data, *_left_out([groups[name].column for name in left])),
        filters=filters,
        run=run,
        hue=draft.hue or (taken[0] if taken else None),
        can=(*draft.can, *(f"how the levels of {name} differ (`contrast`, `rank`)" for name in taken)),
        cannot=(*draft.cannot, *_not_told(taken, shape, law)),
    )


def _takes_one_level(name: str, shape: Shape) -> bool:
    """Return whether only one level of a group is read: logs of one run under several levels, and unlike schedules."""
    return shape.along is not None and (name in shape.crossed or bool(_words(name) & SCHEDULES))


def _left_out(columns: list[str]) -> list[str]:
    """Return a comment on groups that the study does not read; none where it reads all."""
    return comment(f"Not read, though runs may differ by it: {', '.join(map(repr, columns))}.") if columns else []


def _not_told(taken: list[str], shape: Shape, law: str) -> list[str]:
    """Return what few runs of a level of each group do not tell."""
    alike = [name for name in taken if not _is_corpus(name, shape) and "[parameters.E]" in law and name in law]
    return [
        f"from few runs of a level of {name} whether its gain fades with scale: E, A and B may differ alike" for name in alike
    ]


def _experts(shape: Shape) -> dict[str, Role]:
    """Return the numbers of experts as a group, where there are several and no group says as much."""
    one = shape.roles.roles.get("experts")
    if one is None or not 1 < shape.frame[one.column].nunique() <= MOST_LEVELS:
        return {}
    level = shape.frame[one.column].astype(str)
    told = [shape.frame[of.column] for of in shape.roles.groups.values()]
    if any(level.groupby(of).nunique().max() == 1 for of in told):
        return {}
    return {"experts": replace(one, reason=levels_text(level, None if shape.run is None else shape.frame[shape.run]))}


def _words(name: str) -> set[str]:
    return set(split_words(name))


def _is_corpus(name: str, shape: Shape) -> bool:
    return is_corpus_name(name) or name in shape.crossed


def _one_level(shape: Shape, name: str) -> tuple[str, str]:
    """Return the filter that keeps one level of a group: rows of a run under several are several logs."""
    column = shape.roles.groups[name].column
    counts = shape.frame.loc[shape.usable, column].astype(str).value_counts(sort=True)
    level = str(sorted(counts.index[counts == counts.max()])[0])
    quoted = level.replace("\\", "\\\\").replace('"', '\\"')
    why = "not comparable on the way" if _words(name) & SCHEDULES else "several logs of one run"
    return (
        f'`{column}` == "{quoted}"',
        f"One of the {format_count(len(counts))} levels of {column}: losses under several are {why}. Another level goes here.",
    )


def _varying(law: str, group: str, corpus: bool) -> str:
    """Return a law with terms of a group on those of its parameters that levels differ in."""
    sds = LIKE_CORPORA if corpus else LIKE_ARCHITECTURES
    library = 'name = "' in law
    names = {"interaction": ("E", "A", "B"), "data_constrained": ("E", "A", "B"), "power_law_floor": ("E", "a")}
    known = next((of for key, of in names.items() if f'name = "{key}"' in law), ()) if library else tuple(sds)
    said = False
    for name in [name for name in known if name in sds]:
        term = f"{{ over = {literal(group)}, sd = {sds[name]} }}"
        reason = "" if said or comment(WHY[corpus])[0] in law else "\n".join(comment(WHY[corpus])) + "\n"
        changed = _with_term(law, name, term, reason, library=library)
        said, law = said or changed != law, changed
    return law


def _with_term(law: str, name: str, term: str, why: str, *, library: bool) -> str:
    inline = re.compile(rf"(?m)^({name} = \{{ prior = \{{[^}}]*\}})(?:, varying = \[(.*)\])? \}}$")
    if match := inline.search(law):
        terms = f"{match[2]}, {term}" if match[2] else term
        return f"{law[: match.start()]}{why}{match[1]}, varying = [{terms}] }}{law[match.end() :]}"
    table = re.search(rf"(?ms)^\[parameters\.{name}\]\n(?:(?!^\[).)*", law)
    if table is not None:
        return law[: table.start()] + _with_line(table[0], term, why) + law[table.end() :]
    return f"{law.rstrip()}\n\n[parameters.{name}]\n{why}varying = [{term}]" if library else law


def _with_line(section: str, term: str, why: str) -> str:
    """Return the section of a parameter with a term more."""
    found = re.search(r"(?m)^varying = \[(.*)\]$", section)
    if found is not None:
        return section[: found.start()] + f"{why}varying = [{found[1]}, {term}]" + section[found.end() :]
    return re.sub(r"(?m)^(prior = .*)$", lambda line: f"{line[1]}\n{why}varying = [{term}]", section, count=1)


def _shared(law: str) -> str:
    """Return a law whose noise has an effect of each run: its rows under several corpora share it."""
    line = '# Rows of one run share its seed, recipe and data: a percent or two.\neffects = [{ over = "run", sd = 0.02 }]'
    return (
        f"{law.rstrip()}\n{line}" if law.rstrip().splitlines()[-1].startswith("sd = ") else f"{law.rstrip()}\n\n[noise]\n{line}"
    )
