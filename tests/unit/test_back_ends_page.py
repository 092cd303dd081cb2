"""docs/back-ends.md: what it says of presets is what they are, and what it shows can be used as it stands."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import genops
from genops.settings import load
from genops.telemetry.otlp.preset import filled
from genops.telemetry.otlp.presets import PRESETS
from support.presets import RUN

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "back-ends.md").read_text("utf-8")
SECTIONS = dict(re.findall(r"^### (\S+)\n(.*?)(?=^##)", PAGE, re.DOTALL | re.MULTILINE))


def rows(heading):
    """The rows of the table below a heading, as cells."""
    table = PAGE[PAGE.index(heading) :].splitlines()[2:]
    end = next(number for number, line in enumerate(table) if not line.startswith("|"))
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in table[:end]]


def metrics(preset):
    """What the table says of counters and histograms."""
    if "metrics" not in preset.paths:
        return "-"
    return ("delta" if preset.delta else "cumulative") + (", exponential" if preset.exponential else "")


def samples(text, language):
    """The samples of a language in a text."""
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


def exported(text):
    """The variables that the shell samples of a text set."""
    lines = [line.partition("#")[0].strip() for sample in samples(text, "bash") for line in sample.splitlines()]
    assert all(line.startswith("export ") for line in lines if line), lines
    return dict(line.removeprefix("export ").split("=", 1) for line in lines if line)


def test_the_table_is_the_presets():
    """One row a preset, in their order: title, proof, signals, temporality and variables."""
    expected = [
        [
            f"`{preset.name}`",
            preset.title,
            "run" if preset.name in RUN else "asserted",
            ", ".join(preset.paths),
            metrics(preset),
            ", ".join(f"`{v.name}`{'' if v.default is None else '?'}" for v in preset.variables) or "none",
        ]
        for preset in PRESETS.values()
    ]
    assert rows("| preset | back end | proof |") == expected


def test_every_preset_has_a_section():
    """In the same order."""
    assert list(SECTIONS) == list(PRESETS)


@pytest.mark.parametrize("name", sorted(PRESETS))
def test_the_lines_of_a_section_are_enough(name):
    """Set as they stand, its variables fill the preset, and it sends to the addresses that the section names."""
    section, preset = SECTIONS[name], PRESETS[name]
    environ = exported(section)
    assert set(environ) == {variable.name for variable in preset.variables}
    for endpoint in filled(preset, environ).endpoints:
        assert f"`{endpoint.url}`" in section
    text = " ".join(section.split())
    assert f"({preset.protocol})" in text
    assert preset.limits in text
    assert f"Source: {preset.source}." in text


def test_variables_of_genops_on_the_page_are_read():
    """Every `GENOPS_EXPORT_...` that is shown belongs to a preset."""
    shown = set(re.findall(r"GENOPS_EXPORT_[A-Z_]+_ENDPOINT", PAGE))
    assert shown
    assert shown <= {preset.override for preset in PRESETS.values()}


def test_settings_on_the_page_are_settings(tmp_path):
    """Every TOML sample is accepted as it stands."""
    for number, sample in enumerate(samples(PAGE, "toml")):
        file = tmp_path / f"sample{number}.toml"
        file.write_text(sample)
        assert load(settings_file=str(file), ambient=False).telemetry.export == ("honeycomb", "genops.jsonl")


def test_python_on_the_page_runs(monkeypatch):
    """With the key that its section names, the sample configures genops."""
    monkeypatch.setenv("HONEYCOMB_API_KEY", "k")
    (sample,) = samples(PAGE, "python")
    try:
        exec(compile(sample, "docs/back-ends.md", "exec"), {})
        assert (
            genops.configure(
                export="honeycomb", team="data-eng", project="sales", environment="production"
            ).settings.telemetry.export
            == "honeycomb"
        )
    finally:
        genops.shutdown()


def test_links_lead_somewhere():
    """Every relative link names a file of the repository."""
    for target in re.findall(r"\]\((?!http)([^)#]+)\)", PAGE):
        assert (ROOT / "docs" / target).exists(), target
