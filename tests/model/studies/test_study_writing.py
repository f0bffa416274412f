"""A study is written as a model file that reads back as the same study."""

from dataclasses import replace
from pathlib import Path

import pytest
from study_files import GOOD, assert_same, edited

from bayes_scaling._base.errors import InputError
from bayes_scaling.data import datasets
from bayes_scaling.data.columns import Columns, Input, Response
from bayes_scaling.laws.library import LAWS
from bayes_scaling.model.noise import Noise
from bayes_scaling.model.priors import Prior
from bayes_scaling.model.specification import Model
from bayes_scaling.model.studies.bundled import bundled
from bayes_scaling.model.studies.reading import parse_study, read_study
from bayes_scaling.model.studies.study import Study
from bayes_scaling.model.studies.writing import study_text, write_study


@pytest.mark.parametrize("name", sorted(bundled()))
def test_a_bundled_study_reads_back_from_its_text(name: str) -> None:
    study = read_study(name)
    assert study.name == name
    assert study.title == bundled()[name]
    assert study.source is None or study.source in datasets.names()
    again = parse_study(study_text(study), name)
    assert again.name == name
    assert_same(again, study)


def test_a_study_with_everything_reads_back_from_its_text() -> None:
    study = parse_study(GOOD, "mine.toml")
    assert_same(parse_study(study_text(study), "mine.toml"), study)


def test_a_study_with_the_least_reads_back_from_its_text() -> None:
    belief = Prior(median=1, factor=2)
    study = Study("least", Model(LAWS["m1"], {"b": belief, "c": belief}, Noise(belief)), Columns({"x": Input("params")}))
    assert_same(parse_study(study_text(study), "least.toml"), study)


def test_a_response_without_unit_reads_back_from_its_text() -> None:
    study = parse_study(GOOD, "mine.toml")
    study = replace(study, columns=replace(study.columns, response=Response("loss", "")))
    assert parse_study(study_text(study), "mine.toml").columns.response == Response("loss", "")


def test_a_law_as_text_reads_back_from_its_text() -> None:
    text = edited('name = "m1"', 'text = "b * (1 / x + 0.01) ** c - -2 * x"')
    study = parse_study(text, "mine.toml")
    again = parse_study(study_text(study), "mine.toml")
    assert_same(again, study)
    assert again.model.law(x=3.0, b=2.0, c=0.5) == pytest.approx(2.0 * (1 / 3.0 + 0.01) ** 0.5 + 6.0, rel=1e-15)


def test_a_law_of_ones_own_is_written_as_text() -> None:
    def m1(x, *, b, c):
        return 1 - b * x**-c

    study = parse_study(GOOD, "mine.toml")
    own = replace(study, model=Model(m1, study.model.parameters, study.model.noise))
    assert 'text = "1.0 - b * x ** (-c)"' in study_text(own).replace("x ** -c", "x ** (-c)")
    assert parse_study(study_text(own), "mine.toml").model.law(x=4.0, b=0.5, c=0.5) == 0.75


def test_the_library_law_without_a_text_is_written_by_name() -> None:
    belief = Prior(median=1, factor=2)
    model = Model(LAWS["m4"], dict.fromkeys(["a", "b", "c", "e_0", "e_inf"], belief), Noise(belief))
    study = Study("fourth", model, Columns({"x": Input("params")}))
    assert parse_study(study_text(study), "fourth.toml").model.law is LAWS["m4"]


def test_a_law_that_has_no_text_cannot_be_written() -> None:
    def long(x, *, b, c):
        for _ in range(12):
            b = b * x**-c + b
        return b

    study = parse_study(GOOD, "mine.toml")
    with pytest.raises(InputError, match=r"^law long is too long to be written as text"):
        study_text(replace(study, model=Model(long, study.model.parameters, study.model.noise)))


def test_a_study_is_written_and_read(tmp_path: Path) -> None:
    study = replace(read_study("moba_vs_full"), title="Größe")
    path = write_study(study, tmp_path / "copy.toml")
    again = read_study(path)
    assert again.name == "copy"
    assert_same(again, study)


def test_a_study_written_elsewhere_still_finds_its_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for folder in ("here", "there"):
        Path(folder).mkdir()
    Path("here/mine.toml").write_text(GOOD)
    Path("here/runs.csv").write_text("params,loss,name,error,corpus\n1e9,3.0,one,0.1,c4\n2e9,2.5,two,0.1,pile\n")
    study = read_study("here/mine.toml")
    assert Path(study.source).is_file()
    again = read_study(write_study(study, "there/mine.toml"))
    assert Path(again.source).is_file()


BELIEF = Prior(median=1, factor=2)
SCATTER, LOSS = Noise(BELIEF), Response()


def least(response: Response = LOSS, noise: Noise = SCATTER) -> Study:
    return Study("least", Model(LAWS["m1"], {"b": BELIEF, "c": BELIEF}, noise), Columns({"x": Input("params")}, response))


def test_only_what_differs_from_defaults_is_written() -> None:
    said = [line.split(" ")[0] for line in study_text(least()).splitlines() if line]
    prior = ["median", "factor"]
    assert said == [
        *("[data.inputs.x]", "column", "[law]", "name"),
        *("[parameters.b.prior]", *prior, "[parameters.c.prior]", *prior, "[noise.sd]", *prior),
    ]


@pytest.mark.parametrize(
    "response",
    [Response("val_loss"), Response(unit="nats/token"), Response("val_bpb"), Response("ppl"), Response("ppl", "bits/byte")],
)
def test_a_unit_that_was_assumed_is_not_written_and_any_other_is(response: Response) -> None:
    text = study_text(least(response))
    assert "assumed" not in text
    assert ("\nunit = " in text.partition("[data.response]")[2].partition("[")[0]) is not response.assumed
    assert parse_study(text, "least.toml").columns.response == response


def test_a_prior_of_the_tails_is_written_where_it_is_ones_own() -> None:
    own = least(noise=Noise(BELIEF, nu=BELIEF))
    assert "[noise.nu]" in study_text(own)
    assert_same(parse_study(study_text(own), "least.toml"), own)
