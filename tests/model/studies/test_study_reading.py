"""Model files say what a study is; what is wrong in one is said with file and key."""

from pathlib import Path

import pytest
from study_files import GOOD, assert_same, edited, refusal

from bayes_scaling._base.errors import InputError
from bayes_scaling.data.columns import Columns, Input, MeasurementError, Response
from bayes_scaling.laws.formula import law_text, parse_law
from bayes_scaling.laws.library import LAWS
from bayes_scaling.model.noise import Noise
from bayes_scaling.model.parameters import Trend, Varying
from bayes_scaling.model.priors import Prior
from bayes_scaling.model.specification import model_inputs
from bayes_scaling.model.studies.bundled import bundled
from bayes_scaling.model.studies.reading import parse_study, read_study


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


def test_a_bundled_study_of_an_earlier_name_is_read_and_said() -> None:
    with pytest.warns(DeprecationWarning, match="the study training_curves_decay is training_curves_schedules: write that"):
        study = read_study("training_curves_decay")
    today = read_study("training_curves_schedules")
    assert law_text(study.model.law) == law_text(today.model.law)
    assert study.model.parameters == today.model.parameters


def test_the_fall_of_a_rate_need_not_be_read_by_the_law() -> None:
    study = read_study("training_curves_schedules")
    assert study.columns.inputs["fall"].column == "lr_fall"
    assert "fall" not in model_inputs(study.model)


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


@pytest.mark.parametrize("key", ['se = "loss_se"', 'error = "loss_se"', 'stderr = "loss_se"'])
def test_standard_errors_under_another_key_are_said_to_be_measurement_errors(key: str) -> None:
    message = refusal(edited("[data]\n", f"[data]\n{key}\n"))
    assert message == (
        f"data.{key.split()[0]}: no such key; "
        'did you mean measurement_error = { column = "...", relative = false } in [data]?'
    )


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
        ('name = "m1"', 'name = "m9"', "no law is called 'm9'; the library has ['accuracy_from_loss', "),
        ('name = "m1"', 'name = ""', "no law is called ''"),
        ('name = "m1"', 'name = "m1"\ntext = "b * x**-c"', "law: give either the name of a law, one of ['accuracy"),
        ('name = "m1"', "", "law: give either the name of a law, one of ['accuracy_from_loss', "),
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
        ('on = "loss"', 'on = "log"', "noise.on: Input should be 'log_loss', 'loss' or 'log_odds', not 'log'"),
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
    known = f"; there are {sorted(bundled())}, or give a .toml file"
    assert str(error.value).startswith(f"no bundled model is called {name!r}")
    assert str(error.value).endswith(known)
    assert ("; did you mean 'chinchilla'?" + known in str(error.value)) == ("chinchil" in name)


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


def test_the_library_law_and_its_text_are_the_same_study() -> None:
    by_name = parse_study(GOOD, "mine.toml")
    by_text = parse_study(edited('name = "m1"', f'text = "{law_text(LAWS["m1"])}"'), "mine.toml")
    assert by_text.model.law is not by_name.model.law
    assert_same(by_name, by_text)
    assert parse_law(law_text(LAWS["m1"]), ["x"])(x=3.0, b=2.0, c=0.5) == LAWS["m1"](3.0, b=2.0, c=0.5)
