"""Model files say what a study is; what is wrong in one is said with file and key."""

from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from bayes_scaling._base.errors import InputError
from bayes_scaling.data import datasets
from bayes_scaling.data.columns import Columns, Input, MeasurementError, Response
from bayes_scaling.laws.formula import law_text, parse_law
from bayes_scaling.laws.library import LAWS, law_inputs
from bayes_scaling.model.noise import Noise
from bayes_scaling.model.parameters import Prior, Trend, Varying, as_parameter
from bayes_scaling.model.specification import Model
from bayes_scaling.model.studies.reading import bundled, parse_study, read_study
from bayes_scaling.model.studies.study import Study, study_runs
from bayes_scaling.model.studies.writing import study_text, write_study

GOOD = """
title = "Loss over size"

[data]
source = "runs.csv"
where = "params < 1e12"
run = "name"
response = { column = "loss", unit = "bits/byte" }
measurement_error = { column = "error", relative = false }

[data.inputs]
x = { column = "params", unit = "parameters", reference = 1e9 }

[data.groups]
corpus = "corpus"

[law]
name = "m1"

[parameters]
b = { prior = { median = 1.0, factor = 2.0 }, varying = [{ over = "corpus", sd = 0.1 }] }
c = { prior = { between = [0.1, 0.5] }, trend = [{ on = "x", sd = 0.2 }] }

[noise]
distribution = "normal"
on = "loss"
sd = { median = 0.01, factor = 3.0 }
nu = { distribution = "Gamma", arguments = { alpha = 2.0, beta = 0.2 } }
effects = [{ over = ["corpus", "run"], sd = 0.05 }]
"""


def assert_same(one: Study, other: Study) -> None:
    assert one.title == other.title
    assert one.source == other.source
    assert one.columns == other.columns
    assert one.model.noise == other.model.noise
    parameters = [{name: as_parameter(of) for name, of in study.model.parameters.items()} for study in (one, other)]
    assert parameters[0] == parameters[1]
    laws = (one.model.law, other.model.law)
    assert laws[0] is laws[1] or (law_text(laws[0]), law_inputs(laws[0])) == (law_text(laws[1]), law_inputs(laws[1]))


def edited(old: str, new: str) -> str:
    assert GOOD.count(old) == 1, old
    return GOOD.replace(old, new)


def refusal(text: str) -> str:
    with pytest.raises(InputError) as error:
        parse_study(text, "folder/mine.toml")
    message = str(error.value)
    assert "\n" not in message
    assert message.startswith("folder/mine.toml: ")
    return message.removeprefix("folder/mine.toml: ")


def test_a_file_says_what_it_says() -> None:
    study = parse_study(GOOD, "folder/mine.toml", Path("folder"))
    expected = Columns(
        inputs={"x": Input("params", "parameters", 1e9)},
        response=Response("loss", "bits/byte"),
        groups={"corpus": "corpus"},
        run="name",
        measurement_error=MeasurementError("error", relative=False),
        where="params < 1e12",
    )
    assert (study.name, study.title) == ("mine", "Loss over size")
    assert Path(study.source).absolute() == Path("folder/runs.csv").absolute()
    assert study.columns == expected
    assert study.model.law is LAWS["m1"]
    assert study.model.parameters["b"] == Prior(median=1.0, factor=2.0) + Varying("corpus", 0.1)
    assert study.model.parameters["c"] == Prior(between=(0.1, 0.5)) + Trend("x", 0.2)
    assert study.model.noise == Noise(
        Prior(median=0.01, factor=3.0),
        "normal",
        "loss",
        Prior(distribution="Gamma", arguments={"alpha": 2.0, "beta": 0.2}),
        (Varying(("corpus", "run"), 0.05),),
    )


def test_there_are_bundled_studies_with_titles() -> None:
    assert set(bundled()) >= {"chinchilla", "moba_vs_full"}
    assert all(bundled().values())


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


def test_the_table_of_a_study_lies_beside_its_file(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text(GOOD)
    TABLE.to_parquet(tmp_path / "runs.parquet")
    (tmp_path / "mine.toml").write_text(edited('"runs.csv"', '"runs.parquet"'))
    assert len(study_runs(read_study(tmp_path / "mine.toml"))) == 2


TABLE = pd.DataFrame(
    {"params": [1e9, 2e9], "loss": [3.0, 2.5], "name": ["one", "two"], "error": [0.1, 0.1], "corpus": ["c4", "pile"]}
)


def test_another_table_takes_the_place_of_the_study_s_own() -> None:
    runs = study_runs(parse_study(GOOD, "mine.toml"), TABLE)
    assert len(runs) == 2
    assert runs.references == {"x": 1e9}


def test_a_study_on_a_bundled_table_has_its_runs() -> None:
    runs = study_runs(read_study("moba_vs_full"))
    assert len(runs) == 160
    assert runs.dropped == 20
    assert {dim: len(levels) for dim, levels in runs.levels.items()} == {"attention": 2, "position": 16, "size": 5, "run": 10}


def test_a_study_without_a_table_asks_for_one() -> None:
    with pytest.raises(InputError, match=r"^chinchilla comes without runs; give a table with the columns \['params', 'tokens'"):
        study_runs(read_study("chinchilla"))


@pytest.mark.parametrize("text", ["a = = 3", "[data", "not toml at all", "x = 1\nx = 2", "a = " + "[" * 50_000], ids=range(5))
def test_what_is_not_toml_is_refused(text: str) -> None:
    assert refusal(text).startswith("not TOML: ")


@pytest.mark.parametrize(
    ("old", "new", "key", "meant"),
    [
        ('title = "Loss', 'titel = "Loss', "titel", "title"),
        ("[noise]", "[nois]", "nois", "noise"),
        ('where = "', 'were = "', "data.were", "where"),
        ('run = "name"', 'runs = "name"', "data.runs", "run"),
        ("{ column = \"loss\", unit", "{ column = \"loss\", units", "data.response.units", "unit"),
        ("reference = 1e9", "referense = 1e9", "data.inputs.x.referense", "reference"),
        ("relative = false", "relativ = false", "data.measurement_error.relativ", "relative"),
        ('name = "m1"', 'nam = "m1"', "law.nam", "name"),
        ("varying = [", "varing = [", "parameters.b.varing", "varying"),
        ("median = 1.0", "medain = 1.0", "parameters.b.prior.medain", "median"),
        ('{ over = "corpus"', '{ ovr = "corpus"', "parameters.b.varying.0.ovr", "over"),
        ('sd = 0.2 }]', 'sdd = 0.2 }]', "parameters.c.trend.0.sdd", "sd"),
        ('distribution = "normal"', 'distributio = "normal"', "noise.distributio", "distribution"),
        ("factor = 3.0", "facter = 3.0", "noise.sd.facter", "factor"),
        ("arguments = {", "argument = {", "noise.nu.argument", "arguments"),
        ('{ over = ["corpus", "run"], sd', '{ over = ["corpus", "run"], s', "noise.effects.0.s", "sd"),
    ],
)  # fmt: skip
def test_an_unknown_key_is_named_with_the_nearest_there_is(old: str, new: str, key: str, meant: str) -> None:
    assert refusal(edited(old, new)) == f"{key}: no such key; did you mean {meant!r}?"


def test_an_unknown_key_like_no_other_is_named_with_those_there_are() -> None:
    message = refusal(edited('name = "m1"', 'name = "m1"\nzzz = 1'))
    assert message == "law.zzz: no such key; expected ['name', 'text', 'priors']"


def test_a_key_of_two_lines_is_named_in_one() -> None:
    assert "zz" in refusal(edited('name = "m1"', 'name = "m1"\n"zz\\nyy" = 1'))


@pytest.mark.parametrize(
    ("section", "key"),
    [("data", "data"), ("data.inputs", "data.inputs"), ("law", "law"), ("parameters", "parameters"), ("noise", "noise")],
)
def test_a_missing_section_is_named(section: str, key: str) -> None:
    parts = ("\n" + GOOD).split("\n[")
    kept = [
        part for part in parts if not part.startswith((f"{section}]", f"{section}.") if section == "data" else f"{section}]")
    ]
    assert len(kept) < len(parts)
    assert refusal("\n[".join(kept)) == f"{key}: this key is missing"


def test_an_empty_file_lacks_its_first_section() -> None:
    assert refusal("") == "data: this key is missing"


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("c = { prior", "cc = { prior", "law m1 has the parameters ['b', 'c']; priors are given for ['b', 'cc']"),
        ("c = { prior", "cc = { prior", "'cc' is none of them, did you mean 'c'?; 'c' has no prior"),
        ("[noise]", "[parameters.zzz]\nprior = { median = 1.0, factor = 2.0 }\n\n[noise]", "'zzz' is none of them"),
        ("prior = { between = [0.1, 0.5] }, ", "", "parameters.c.prior: this key is missing"),
        ('name = "m1"', 'name = "m9"', "no law is called 'm9'; the library has ['annealing', 'bnsl1'"),
        ('name = "m1"', 'name = ""', "no law is called ''"),
        ('name = "m1"', 'name = "m1"\ntext = "b * x**-c"', "law: give either the name of a law, one of ['annealing', 'bnsl1'"),
        ('name = "m1"', "", "law: give either the name of a law, one of ['annealing', 'bnsl1'"),
        ('name = "m1"', "name = 3", "law.name: Input should be a valid string, not 3"),
        ("factor = 2.0", "factor = 1.0", "parameters.b.prior: a prior by median needs a factor above 1"),
        ("factor = 2.0", "factor = 0.5", "parameters.b.prior: a prior by median needs a factor above 1"),
        ("factor = 2.0", "factor = nan", "parameters.b.prior: a prior by median needs a factor above 1"),
        ("factor = 2.0", 'factor = "two"', "parameters.b.prior.factor: Input should be a valid number"),
        ("median = 1.0", "median = -1.0", "parameters.b.prior: median of a prior must be a positive number, not -1.0"),
        ("between = [0.1, 0.5]", "between = [0.5, 0.1]", "parameters.c.prior: a prior between two values needs a lower and"),
        ("between = [0.1, 0.5]", "between = [0.5]", "parameters.c.prior.between"),
        ("between = [0.1, 0.5]", "between = [0.1, 0.5, 0.9]", "parameters.c.prior.between"),
        ("between = [0.1, 0.5]", "", "parameters.c.prior: a prior takes one of: median and factor; between; distribution"),
        ("{ between = [0.1, 0.5] }", "0.3", "parameters.c.prior: Input should be a table"),
        ('{ over = "corpus"', "{ over = 3", "parameters.b.varying.0.over: Input should be a valid string, not 3"),
        ('{ over = "corpus"', "{ over = []", "parameters.b.varying.0: Varying needs one or several different groups"),
        ("sd = 0.1 }]", 'sd = "abc" }]', "parameters.b.varying.0.sd: Input should be a valid number"),
        ("sd = 0.1 }]", "sd = -0.1 }]", "parameters.b.varying.0: sd of Varying must be a positive number, not -0.1"),
        ("sd = 0.2 }]", "sd = 0.0 }]", "parameters.c.trend.0: sd of Trend must be a positive number, not 0.0"),
        ('on = "x"', 'on = "y"', "the model reads ['y']; [data.inputs] has ['x']"),
        ("sd = 0.05 }]", "sd = -1 }]", "noise.effects.0: sd of Varying must be a positive number, not -1.0"),
        ('distribution = "normal"', 'distribution = "cauchy"', "noise.distribution: Input should be 'normal' or"),
        ('on = "loss"', 'on = "log"', "noise.on: Input should be 'log_loss' or 'loss', not 'log'"),
        ("sd = { median = 0.01, factor = 3.0 }", "sd = { between = [-1, 1] }", "noise: the prior of the noise's sd must be of"),
        ("sd = { median = 0.01, factor = 3.0 }\n", "", "noise.sd: this key is missing"),
        ("sd = { median = 0.01, factor = 3.0 }", 'sd = "abc"', "noise.sd: Input should be a table"),
        ("beta = 0.2", "gamma = 0.2", "noise.nu: Gamma takes ['alpha', 'beta']; the prior gives ['alpha', 'gamma']"),
        ('distribution = "Gamma"', 'distribution = "Gama"', "noise.nu: no prior distribution is called 'Gama'"),
        ("reference = 1e9", "reference = -1", "data.inputs.x: the reference of 'params' must be a positive number, not -1"),
        ('where = "params < 1e12"', 'where = "params.real < 1"', "data: 'params.real < 1': 'params.real' is not allowed"),
        ('corpus = "corpus"', 'x = "corpus"', "data: inputs and groups need names of their own; ['x'] is taken"),
        ('corpus = "corpus"', "corpus = 3", "data.groups.corpus: Input should be a valid string, not 3"),
        ('name = "m1"', "text = \"__import__('os').system('x')\"", "__import__('os').system('x')\" is not allowed"),
        ('name = "m1"', 'text = "b.real * x**-c"', "'b.real * x**-c': 'b.real' is not allowed"),
        ('name = "m1"', 'text = "b * y**-c"', "law text has the parameters ['b', 'c', 'y']; priors are given for ['b', 'c']"),
        ('name = "m1"', 'text = "b * x**-(c"', "law 'b * x**-(c' is not an expression"),
        ('name = "m1"', 'text = "b * x**-c + 9**9**9**9"', "is not a finite real number"),
    ],
)  # fmt: skip
def test_what_is_wrong_in_a_file_is_said_with_its_key(old: str, new: str, said: str) -> None:
    assert said in refusal(edited(old, new))


@pytest.mark.parametrize("name", ["strength", "str", "stride"])
def test_a_parameter_of_any_name_is_named_in_full(name: str) -> None:
    text = (
        edited('name = "m1"', f'text = "{name} * x**-c"')
        .replace("b = {", f"{name} = {{")
        .replace("factor = 2.0", "factor = 0.5")
    )
    assert refusal(text).startswith(f"parameters.{name}.prior: a prior by median needs a factor above 1")


@pytest.mark.parametrize("text", ["data = 3\nlaw = 4\nparameters = 5\nnoise = 6", "data = 2020-01-01", "[[data]]\nx = 1"])
def test_sections_that_are_no_tables_are_refused(text: str) -> None:
    assert refusal(text).startswith("data: ")


def test_nothing_in_a_law_text_is_executed(tmp_path: Path) -> None:
    target = tmp_path / "written"
    code = f"__import__('pathlib').Path('{target}').touch()"
    refusal(edited('name = "m1"', f'text = "b * x**-c * {code}"'))
    assert not target.exists()
    eval(code)
    assert target.exists()


@pytest.mark.parametrize("name", ["chinchila", "moba", "../models/chinchilla", "chinchilla.txt", "."])
def test_an_unknown_bundled_name_is_refused_with_those_there_are(name: str) -> None:
    with pytest.raises(InputError) as error:
        read_study(name)
    assert str(error.value) == f"no bundled model is called {name!r}; there are {sorted(bundled())}, or give a .toml file"


def test_a_missing_model_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError) as error:
        read_study(tmp_path / "mine.toml")
    assert str(error.value) == f"{tmp_path / 'mine.toml'}: no such file; expected a model file"


def test_a_model_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_bytes(bytes(range(256)))
    with pytest.raises(InputError) as error:
        read_study(path)
    assert str(error.value).startswith(f"{path}: unreadable (")
    assert "\n" not in str(error.value)


def test_an_error_in_a_model_file_names_its_path(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(edited("[noise]", "[nois]"))
    with pytest.raises(InputError) as error:
        read_study(str(path))
    assert str(error.value) == f"{path}: nois: no such key; did you mean 'noise'?"


@pytest.mark.parametrize("name", datasets.names())
def test_a_dataset_comes_with_units_and_provenance(name: str) -> None:
    table = datasets.load(name)
    assert len(table) > 0
    assert set(table.attrs["units"]) <= set(table.columns)
    assert all(isinstance(unit, str) and unit for unit in table.attrs["units"].values())
    assert len(table.attrs["provenance"].strip()) > 200


def test_every_table_in_the_package_is_listed_and_none_is_large() -> None:
    folder = Path(datasets.__file__).parent
    tables = [path for path in folder.iterdir() if path.name.endswith((".csv", ".csv.gz"))]
    assert datasets.names() == sorted(path.name.split(".")[0] for path in tables)
    assert all(path.stat().st_size < 250_000 for path in tables)


def test_an_unknown_dataset_is_refused_with_those_there_are() -> None:
    with pytest.raises(InputError) as error:
        datasets.load("moba")
    assert str(error.value) == f"no dataset is called 'moba'; the package has {datasets.names()}"


def test_the_library_law_and_its_text_are_the_same_study() -> None:
    by_name = parse_study(GOOD, "mine.toml")
    by_text = parse_study(edited('name = "m1"', f'text = "{law_text(LAWS["m1"])}"'), "mine.toml")
    assert by_text.model.law is not by_name.model.law
    assert_same(by_name, by_text)
    assert parse_law(law_text(LAWS["m1"]), ["x"])(x=3.0, b=2.0, c=0.5) == LAWS["m1"](3.0, b=2.0, c=0.5)
