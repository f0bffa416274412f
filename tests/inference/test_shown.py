"""A fit and a stack show themselves: a page, sentences, a table, a figure."""

from dataclasses import replace
from html import escape

import pytest
from by_hand import BAD, CLEAN, sweep
from matplotlib.figure import Figure

import bayes_scaling as bs
from bayes_scaling.inference.stacking import Stack, stack

FIT = sweep(CLEAN)


def mixture(other: bs.Fit = FIT) -> Stack:
    return stack({"one": FIT, "<two>": other, "none": FIT}, {"one": 0.75, "<two>": 0.25, "none": 0.0})


def test_a_fit_says_its_answers_a_sentence_a_line() -> None:
    lines = FIT.summary().splitlines()
    assert lines[0].startswith("sparse instead of dense at 1.8e21 FLOP")
    assert lines[-2].startswith("Loss at ten times its params and tokens")
    assert all(line.endswith(".") for line in lines)


def test_a_fit_draws_its_bands() -> None:
    figure = FIT.plot()
    assert isinstance(figure, Figure)
    assert figure.axes[0].get_xlabel()


def test_a_stack_says_its_weights_and_the_loss_of_the_mixture() -> None:
    weights, *_, largest, beyond, counted = mixture().summary().splitlines()
    assert weights == "Weights of the laws: one 0.75, <two> 0.25, none 0.00."
    alone = FIT.summary().splitlines()
    assert largest.split(":")[0] == alone[-3].split(":")[0]
    assert beyond.split(":")[0] == alone[-2].split(":")[0]
    assert counted == alone[-1]
    assert counted.startswith("Counted: loss in nats per token")


def test_the_table_of_a_stack_has_every_law() -> None:
    table = mixture().to_frame()
    assert table.to_dict("list") == {
        "law": ["one", "<two>", "none"],
        "weight": [0.75, 0.25, 0.0],
        "draws": [400, 133, 0],
        "grade": ["clean", "clean", "clean"],
    }


def test_a_stack_prints_as_a_page_of_four_lines() -> None:
    assert [line.split()[0] for line in repr(mixture()).splitlines()] == ["Stack", "Runs:", "Draws:", "Next:"]
    clean, bad = mixture()._repr_html_(), mixture(replace(FIT, health=BAD))._repr_html_()
    assert "&lt;two&gt;" in clean
    assert "<two>" not in clean
    assert 'role="alert"' not in clean
    assert bad.count(escape(BAD.remarks[0].what)) == 1


def test_a_stack_refuses_what_only_a_fit_has() -> None:
    with pytest.raises(bs.InputError, match="a stack has no plot of its own"):
        mixture().plot()  # type: ignore[attr-defined]


def test_sentences_and_table_of_a_stack_carry_the_health_of_its_members() -> None:
    bad = mixture(replace(FIT, health=BAD))
    assert bad.health is not None
    assert bad.summary().splitlines()[-1] == f"{bad.health.line}."
    assert bad.to_frame().attrs["health"] == bad.health.line
    assert "health" not in mixture().to_frame().attrs
