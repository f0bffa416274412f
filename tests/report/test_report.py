"""The report: what it says, that hostile text stays text, and that the page works in a browser without a network."""

import json
import re
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

import bayes_scaling as bs
from bayes_scaling._base.numbers import amount, interval, level_name, number, shared
from bayes_scaling._base.quantiles import reached
from bayes_scaling.cli.commands import app
from bayes_scaling.decisions.rank_sentences import needs
from bayes_scaling.inference.health import Health
from bayes_scaling.model.description import model_priors
from bayes_scaling.model.priors import prior_quantiles
from bayes_scaling.model.studies.study import Study
from bayes_scaling.model.studies.writing import study_text
from bayes_scaling.prediction.compute_ratio import compute_ratio
from bayes_scaling.report import words
from bayes_scaling.report.budget import ordered_levels, plan_budget
from bayes_scaling.report.page import render
from bayes_scaling.report.prior_posterior import prior_posterior
from bayes_scaling.report.write import report_context, write_report

SCRIPT, IMAGE, END, MATH = "<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "</script>$", "$\\frac$ x$"
WELL = Health(divergences=0, r_hat=1.001, ess_bulk=900.0, ess_tail=800.0, bfmi=0.9, worst="E")
FEW = bs.Settings(draws=300, tune=300, chains=2, seed=5, progress=False)


@pytest.fixture(scope="module")
def hostile(grid: pd.DataFrame) -> bs.Fit:
    """A law of params and tokens, fitted to a table whose every name is an attack; its sampler is said to have failed."""
    table = grid.assign(corpus=np.where(np.arange(len(grid)) % 2, SCRIPT, END))
    table = table.rename(columns={"params": SCRIPT, "tokens": MATH, "loss": IMAGE, "corpus": MATH + "2"})
    columns = bs.Columns(
        inputs={"params": bs.Input(SCRIPT, IMAGE, 1e9), "tokens": bs.Input(MATH, "$\\frac", 2e10)},
        response=bs.Response(IMAGE, SCRIPT, name=END),
        groups={"corpus": MATH + "2"},
    )
    law = bs.parse_law("E + A * params**-alpha + B * tokens**-beta", inputs=["params", "tokens"])
    model = bs.Model(
        law,
        {
            "E": bs.Prior(median=1.7, factor=1.6) + bs.Varying("corpus", sd=0.1),
            "A": bs.Prior(median=0.4, factor=2.5),
            "alpha": bs.Prior(between=(0.15, 0.6)),
            "B": bs.Prior(median=0.4, factor=2.5),
            "beta": bs.Prior(between=(0.15, 0.6)),
        },
        bs.Noise(sd=bs.Prior(median=0.01, factor=3.0), distribution="normal"),
    )
    runs = bs.read_runs(table, columns, name=f"folder/{IMAGE}.csv")
    fit = bs.fit(model, replace(runs, notes=(f"{SCRIPT} was mended",)), FEW)
    return replace(fit, health=replace(WELL, divergences=7, worst=SCRIPT))


@pytest.fixture(scope="module")
def arms() -> bs.Fit:
    """A power law in compute for two attentions, of which one needs 1.5 times the compute of the other."""
    compute = np.tile(np.geomspace(0.5, 8.0, 8), 2)
    attention = np.repeat(["full", "moba"], 8)
    loss = 2.0 * (compute / np.where(attention == "moba", 1.5, 1.0)) ** -0.08
    loss = loss * np.exp(np.random.default_rng(2).normal(0, 0.004, 16))
    table = pd.DataFrame({"compute": compute, "attention": attention, "loss": loss})
    columns = bs.Columns(inputs={"compute": bs.Input("compute", "PFLOP/s-days", 2.0)}, groups={"attention": "attention"})
    level = bs.Prior(median=2.0, factor=1.6) + bs.Varying("attention", sd=0.1)
    model = bs.Model(
        bs.laws.power_law,
        {"a": level, "b": bs.Prior(median=0.08, factor=1.6)},
        bs.Noise(sd=bs.Prior(median=0.005, factor=2.0), distribution="normal"),
    )
    return replace(bs.fit(model, bs.read_runs(table, columns), FEW), health=WELL)


@pytest.fixture(scope="module")
def attacked(hostile: bs.Fit) -> dict[str, Any]:
    return report_context(hostile, title=SCRIPT)


@pytest.fixture(scope="module")
def compared(arms: bs.Fit) -> dict[str, Any]:
    return report_context(arms, title="Two attentions")


@pytest.fixture(scope="module")
def pages(attacked: dict[str, Any], compared: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("pages")
    found = {}
    for name, context in {"attacked": attacked, "compared": compared}.items():
        found[name] = folder / f"{name}.html"
        found[name].write_text(render(context))
    return found


def test_a_page_holds_no_reference_to_anything_else(pages: dict[str, Path]) -> None:
    for page in pages.values():
        text = page.read_text()
        assert not re.search(r"https?:|xlink|@import|url\((?!#)", text)
        assert "default-src 'none'" in text
        assert '<html lang="en">' in text
        assert len(text) < 5e6


def test_identifiers_are_unique_on_a_page(pages: dict[str, Path]) -> None:
    for page in pages.values():
        found = re.findall(r'<[^>]*\bid="([^"]*)"', page.read_text())
        assert len(found) == len(set(found)) > 20


def test_hostile_text_is_escaped_everywhere(pages: dict[str, Path]) -> None:
    text = pages["attacked"].read_text()
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text
    assert "<script>alert" not in text
    assert "<img" not in text
    assert text.count("</script>") == 2  # of the data and of the page's own script
    data = re.search(r'<script type="application/json" id="data">(.*?)</script>', text, re.DOTALL)
    assert data is not None
    assert SCRIPT in json.dumps(json.loads(data.group(1)), ensure_ascii=False)


def test_the_same_fit_gives_the_same_page(arms: bs.Fit, pages: dict[str, Path], tmp_path: Path) -> None:
    path = write_report(arms, tmp_path / "new" / "report.html", title="Two attentions")
    assert path.read_text() == pages["compared"].read_text()


def test_what_was_done_is_said(hostile: bs.Fit, arms: bs.Fit) -> None:
    assert words.formula(arms).name == "power_law"
    assert "alpha" in words.formula(hostile).text
    assert words.formula(hostile).name == ""
    assert "16 rows" in words.rows(arms)[0]
    assert "folder" not in " ".join(words.rows(hostile))
    said = dict(words.counting(hostile))
    assert "with or without embeddings: not stated" in said["Params"]
    assert dict(model_priors(arms.model))["b"].startswith("log-normal, 90 % in 0.05 to 0.13")
    assert "levels of attention are partially pooled" in dict(model_priors(arms.model))["a"]
    assert any("logarithm of loss: normal" in sentence for sentence in words.likelihood(arms))


def test_a_law_without_a_best_split_is_still_reported(arms: bs.Fit, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: bs.Fit, compute: float | None) -> None:
        raise bs.InputError(f"{SCRIPT} puts all compute into tokens")

    monkeypatch.setattr("bayes_scaling.report.write.plan_budget", refuse)
    page = render(report_context(arms))
    assert "No plan could be made" in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt; puts all compute" in page
    assert 'id="slider"' in page  # multipliers need no plan


def test_priors_stand_beside_posteriors(arms: bs.Fit) -> None:
    found = {one.name: one for one in prior_posterior(arms)}
    assert set(found) == {"a", "b", "noise_sd", "a_sd_attention"}
    own = arms.model.parameters["b"]
    assert isinstance(own, bs.Prior)
    assert found["b"].prior == pytest.approx(prior_quantiles(own, (0.05, 0.5, 0.95)))
    assert found["b"].posterior == pytest.approx(np.quantile(arms.posterior["b"], (0.05, 0.5, 0.95)))
    for one in found.values():
        places = np.array([*one.prior_at, *one.posterior_at])
        assert (places >= 0).all()
        assert (places <= 100).all()
        assert (np.argsort(places[:3]) == [0, 1, 2]).all()


def test_multipliers_are_those_of_the_contrast(arms: bs.Fit, compared: dict[str, Any]) -> None:
    budget = compared["budget"]
    row = budget.table.iloc[budget.start]
    draws = compute_ratio(arms, "attention", "moba", "full", pd.DataFrame({"compute": [row["compute"]]}))
    assert row["q50"] == pytest.approx(float(draws.median()), rel=1e-3)
    assert 1.2 < row["q50"] < 1.9
    assert needs("moba", "full", "compute", row) in budget.steps[""][budget.start].sentence
    assert len(budget.budgets) >= 41
    assert budget.table["compute"].max() == pytest.approx(100 * arms.runs.table["compute"].max(), rel=1e-3)


def test_multipliers_of_splits_are_those_of_the_ranking(hostile: bs.Fit) -> None:
    budget = plan_budget(hostile)
    assert budget is not None
    first, other = ordered_levels(hostile, "corpus")
    at = float(budget.table["compute"].iloc[budget.start])
    draws = bs.rank(hostile, "corpus", first, pd.DataFrame({"compute": [at]})).compute_ratio
    of = reached(draws.to_numpy())
    (facts,) = [steps[budget.start].facts for label, steps in budget.steps.items() if label == level_name(other)]
    said = hostile.runs.columns.response.name
    assert facts[-1].name == f"Compute that {level_name(first)} needs for the {said} {level_name(other)} reaches"
    least, value, most = shared([of[q] for q in ("q05", "q50", "q95")])
    assert facts[-1].value == f"{value} times"
    assert facts[-1].range == f"90 %: {least} to {most}"


def test_the_page_says_what_moves_its_own_answers(arms: bs.Fit, compared: dict[str, Any], attacked: dict[str, Any]) -> None:
    (moved,) = compared["moved"]
    budget = compared["budget"]
    row = budget.table.iloc[budget.start]
    assert moved.question.startswith(f"multiplier attention=moba:full at compute={row['compute']:g}: {row['q50']:.2g}")
    assert moved.sentences[0].startswith("Of its variance: law 100 %")
    kinds = [one.question.split(" at ")[0] for one in attacked["moved"]]
    assert kinds == ["plan", "run"]
    assert "lowest" in attacked["moved"][0].sentences[0]
    assert report_context(arms, questions=())["moved"] == []
    assert report_context(replace(arms, health=None))["moved"] == []
    asked = ["loss at compute=20, attention=moba", "contrast attention=moba:full at compute=3"]
    assert 'id="figure-moves1"' in render(report_context(arms, questions=asked))
    with pytest.raises(bs.InputError, match="no form that is known"):
        report_context(arms, questions=["what now"])


def test_validation_is_read_or_its_lack_said(arms: bs.Fit, tmp_path: Path) -> None:
    assert "holds no validation" in render(report_context(arms))
    record = {"rows": 16, "problems": {}, "cutoffs": {"compute < 2": {"training_runs": 8}}}
    place = tmp_path / "backtest"
    place.mkdir()
    (place / "backtest.json").write_text(json.dumps(record | {"model": study_text(Study("s", arms.model, arms.runs.columns))}))
    scores = {"train": "compute < 2", "decades": "all", "runs": 8, "coverage_50": 0.5, "coverage_90": 0.875}
    pd.DataFrame([scores | {"crps": 0.01, "are": 0.0123}]).to_csv(place / "scores.csv", index=False)
    found = report_context(arms, folder=tmp_path)
    assert found["validation"].doubts == ()
    assert "1.2 %" in render(found)
    (place / "backtest.json").write_text(json.dumps(record | {"rows": 15, "model": "[law]\nname = 'other'"}))
    assert len(report_context(arms, folder=tmp_path)["validation"].doubts) == 2


def test_the_command_writes_the_page_or_nothing(arms: bs.Fit, tmp_path: Path) -> None:
    bs.save(arms, tmp_path / "fit.nc")
    (tmp_path / "diagnostics.json").write_text(json.dumps({"title": "Noted", "seconds": 12.3, "versions": {"pymc": "0.0"}}))
    result = CliRunner().invoke(app, ["report", str(tmp_path), "--of", "loss at compute=20, attention=moba"])
    assert result.exit_code == 0, result.output
    text = (tmp_path / "report.html").read_text()
    assert "<title>Noted</title>" in text
    assert "pymc 0.0" in text
    assert "<h3>loss at compute=20, attention=moba: " in text
    (tmp_path / "diagnostics.json").write_text("[")
    result = CliRunner().invoke(app, ["report", str(tmp_path), "--out", str(tmp_path / "other.html")])
    assert result.exit_code == 2
    assert len(result.stderr.strip().splitlines()) == 1
    assert not (tmp_path / "other.html").exists()


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    chromium, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if chromium is None or driver is None:
        pytest.skip("chromium and chromedriver are not installed; `make browser` installs them")
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    flags = (
        "headless=new no-sandbox disable-gpu disable-quic no-first-run disable-background-networking "
        "disable-component-update disable-sync disable-dev-shm-usage window-size=1200,900"
    )
    for flag in [*flags.split(), f"user-data-dir={tmp_path_factory.mktemp('profile')}"]:
        options.add_argument(f"--{flag}")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    started = webdriver.Chrome(options, Service(driver))
    yield started
    started.quit()


def asked_for(browser: Any) -> list[str]:
    """Return the addresses asked for since the last look, without those of the browser's own first page."""
    messages = (json.loads(entry["message"])["message"] for entry in browser.get_log("performance"))
    urls = [of["params"]["request"]["url"] for of in messages if of["method"] == "Network.requestWillBeSent"]
    return [url for url in urls if not url.startswith(("chrome:", "data:"))]


def slide(browser: Any, to: int) -> str:
    """Move the slider, and return what is then said."""
    move = "const s = document.getElementById('slider'); s.value = arguments[0]; s.dispatchEvent(new Event('input'));"
    browser.execute_script(move, to)
    said: str = browser.find_element("id", "budget").text
    return said


@pytest.mark.parametrize("name", ["attacked", "compared"])
def test_the_page_opens_alone_and_without_errors(browser: Any, pages: dict[str, Path], name: str) -> None:
    from selenium.webdriver.support.expected_conditions import alert_is_present

    asked_for(browser), browser.get_log("browser")
    browser.get(pages[name].as_uri())
    assert not alert_is_present()(browser)
    assert asked_for(browser) == [pages[name].as_uri()]
    assert browser.get_log("browser") == []
    assert browser.execute_script("return performance.getEntriesByType('resource').length") == 0
    assert len(browser.find_elements("css selector", ".hit")) >= 3
    assert browser.find_elements("css selector", "img") == []
    assert len(browser.find_elements("css selector", "script")) == 2


def test_hostile_text_is_read_as_text(browser: Any, pages: dict[str, Path]) -> None:
    browser.get(pages["attacked"].as_uri())
    text = browser.find_element("tag name", "body").text
    assert browser.title == SCRIPT
    for attack in (SCRIPT, IMAGE, END, MATH, "$\\frac"):
        assert attack in text
    drawn = browser.execute_script("return [...document.querySelectorAll('svg text')].map(one => one.textContent).join(' ')")
    assert "$\\frac" in drawn
    assert END in drawn


def test_failed_health_stands_at_the_top_in_red(browser: Any, pages: dict[str, Path]) -> None:
    browser.get(pages["attacked"].as_uri())
    banner = browser.find_element("id", "problems")
    assert banner.rect["y"] < 60
    assert "7 divergences; try target_accept nearer 1" in banner.text
    red, green, blue = (int(of) for of in re.findall(r"\d+", banner.value_of_css_property("background-color"))[:3])
    assert red > 2 * max(green, blue)
    browser.get(pages["compared"].as_uri())
    assert browser.find_elements("id", "problems") == []


def test_the_slider_moves_the_plan(browser: Any, pages: dict[str, Path], attacked: dict[str, Any]) -> None:
    browser.get(pages["attacked"].as_uri())
    table = attacked["budget"].table
    mark = "return document.querySelector('#figure-plan .mark').getAttribute('x1')"
    places = []
    for i in (0, 17, 40):
        said, row = slide(browser, i), table.iloc[i]
        for value in (row["params"], row["tokens"], row["params_low"], row["params_high"]):
            assert number(value) in said
        assert interval([row[f"loss_q{q}"] for q in ("05", "50", "95")]) in said
        assert interval([row[f"best_params_q{q}"] for q in ("05", "95")]) in said
        assert browser.find_element("id", "chosen").text == amount(row["compute"], "FLOP", 4)
        places.append(float(browser.execute_script(mark)))
    assert places[0] < places[1] < places[2]
    other = "const c = document.getElementById('choice'); c.selectedIndex = 1; c.dispatchEvent(new Event('change'));"
    browser.execute_script(other)
    row = table.iloc[41 + 40]
    assert number(row["params"]) in browser.find_element("id", "budget").text
    assert row["choice"] != table["choice"].iloc[0]


def test_the_slider_moves_multipliers(browser: Any, pages: dict[str, Path], compared: dict[str, Any]) -> None:
    browser.get(pages["compared"].as_uri())
    for i in (3, 30):
        said, row = slide(browser, i), compared["budget"].table.iloc[i]
        assert needs("moba", "full", "compute", row) in said


def test_pointing_at_a_band_reads_its_values(browser: Any, pages: dict[str, Path], compared: dict[str, Any]) -> None:
    from selenium.webdriver import ActionChains, Keys

    browser.get(pages["compared"].as_uri())
    assert not browser.find_element("id", "tip").is_displayed()
    panel = next(one for one in compared["figures"] if one.name == "bands").panels[0]
    hit = browser.find_element("css selector", "#figure-bands .hit")
    browser.execute_script("arguments[0].scrollIntoView({block: 'center'})", hit)
    ActionChains(browser).move_to_element(hit).perform()
    tip = browser.find_element("id", "tip")
    assert tip.is_displayed()
    at = np.array(panel["series"][0]["at"])
    middle = np.sqrt(panel["x"][0] * panel["x"][1])
    i = int(np.abs(np.log(at / middle)).argmin())
    assert f"compute {number(at[i], 4)} PFLOP/s-days" in tip.text
    for series in panel["series"]:
        assert series["name"] in tip.text
        low, lower, middle, upper, high = shared([series[q][i] for q in ("q05", "q25", "q50", "q75", "q95")])
        for said in (middle, f"{lower} to {upper}", f"{low} to {high}"):
            assert said in tip.text
    ActionChains(browser).click(hit).send_keys(Keys.ARROW_RIGHT).perform()
    assert f"compute {number(at[i + 1], 4)} " in tip.text
    ActionChains(browser).send_keys(Keys.ESCAPE).perform()
    assert not tip.is_displayed()


@pytest.mark.parametrize("name", ["attacked", "compared"])
def test_a_phone_shows_the_page_without_scrolling_sideways(browser: Any, pages: dict[str, Path], name: str) -> None:
    size = {"width": 360, "height": 780, "deviceScaleFactor": 2, "mobile": True}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    try:
        browser.get(pages[name].as_uri())
        assert browser.execute_script("return [document.documentElement.scrollWidth, innerWidth]") == [360, 360]
    finally:
        browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
