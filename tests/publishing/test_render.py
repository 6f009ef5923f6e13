"""Renderers stand in as scripts that write down how they were called; tests/test_site.py has the real smalldocs."""

import errno
import json
import os
import shutil
import sys
from pathlib import Path

import pytest
import yaml

from openmeasures.errors import RenderError
from openmeasures.publishing import render, smalldocs_site

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the stand-in for Quarto is a script with a #! line")


@pytest.fixture
def stage(tmp_path, monkeypatch):
    monkeypatch.delenv(render.RENDERING, raising=False)
    folder = tmp_path / "stage"
    folder.mkdir()
    (folder / "_quarto.yml").write_text("project:\n  type: website\n  render: [index.qmd]\n", encoding="utf-8")
    (folder / "index.qmd").write_text("---\ntitle: Home\n---\n\nHello.\n", encoding="utf-8")
    return folder


@pytest.fixture
def quarto(tmp_path, monkeypatch):
    """Put a Quarto on the PATH that says what it is told, ends with the given code, and writes down its call."""

    def put(said="", complaint="", code=0):
        folder = tmp_path / "bin"
        folder.mkdir()
        script = folder / "quarto"
        script.write_text(
            f"#!{sys.executable}\n"
            "import json, os, sys\n"
            f"with open({str(tmp_path / 'call.json')!r}, 'w') as file:\n"
            "    json.dump({'arguments': sys.argv[1:], 'cwd': os.getcwd(), 'environment': dict(os.environ)}, file)\n"
            f"sys.stdout.buffer.write({said.encode()!r})\n"
            f"sys.stderr.buffer.write({complaint.encode() if isinstance(complaint, str) else complaint!r})\n"
            f"sys.exit({code})\n",
            encoding="utf-8",
        )
        script.chmod(0o755)
        monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
        return lambda: json.loads((tmp_path / "call.json").read_text(encoding="utf-8"))

    return put


@pytest.fixture
def no_quarto(monkeypatch):
    """Hide any Quarto of this machine."""
    real = shutil.which
    monkeypatch.setattr(shutil, "which", lambda name, **options: None if name == "quarto" else real(name, **options))


# ---- which renderer


@pytest.mark.parametrize("renderer", ["auto", "quarto"])
def test_quarto_is_chosen_where_it_is_on_the_path(stage, quarto, renderer):
    call = quarto()
    assert render.render(stage, renderer) == ("Quarto", [])
    assert call()["arguments"] == ["render", str(stage)]
    assert call()["cwd"] == str(stage)


def test_smalldocs_is_chosen_where_there_is_no_quarto(stage, no_quarto):
    assert render.render(stage) == ("smalldocs", [])
    assert "Hello." in (stage / "_site" / "index.html").read_text(encoding="utf-8")


def test_smalldocs_is_chosen_when_asked_for(stage, quarto):
    call = quarto()
    assert render.render(stage, "smalldocs").renderer == "smalldocs"
    with pytest.raises(FileNotFoundError):
        call()


def test_asking_for_a_quarto_that_is_not_there_is_an_error(stage, no_quarto):
    with pytest.raises(RenderError, match=r"quarto: not on the PATH\. Install it .*--renderer smalldocs"):
        render.render(stage, "quarto")
    assert not (stage / "_site").exists()


# ---- how it is called


def test_the_renderer_knows_that_we_called_it(stage, quarto, monkeypatch):
    call = quarto()
    assert not render.is_rendering()
    render.render(stage)
    assert call()["environment"][render.RENDERING] == "1"
    assert not render.is_rendering()
    monkeypatch.setenv(render.RENDERING, "1")
    assert render.is_rendering()


def test_the_renderer_finds_our_own_command_without_an_activated_environment(stage, quarto):
    call = quarto()
    render.render(stage)
    assert call()["environment"]["PATH"].split(os.pathsep)[0] == os.path.dirname(sys.executable)  # noqa: PTH120


def test_quarto_writes_its_lists_of_pages_to_files(stage, quarto):
    call = quarto()
    render.render(stage)
    lists = [Path(call()["environment"][variable]) for variable in render.LISTS]
    assert len({*lists}) == 2
    assert not any(each.parent.exists() for each in lists)  # no more


def test_smalldocs_calls_no_script_and_so_takes_more_pages_than_a_variable_holds(stage, no_quarto):
    config = stage / "_quarto.yml"
    scripts = "  pre-render: no-such-command\n  post-render: no-such-command\n"
    config.write_text(config.read_text(encoding="utf-8").replace("[index.qmd]", '["*.qmd"]') + scripts, "utf-8")
    for number in range(700):
        (stage / f"{'long' * 50}{number}.qmd").write_text("Hello.\n", encoding="utf-8")
    assert render.render(stage) == ("smalldocs", [])
    assert len(list((stage / "_site").glob("*.html"))) == 701


def test_what_smalldocs_says_is_told_in_its_process(stage, capsys, tmp_path):
    (stage / "index.qmd").write_text("[nowhere](nowhere.qmd)\n", encoding="utf-8")
    smalldocs_site.main(str(stage), str(tmp_path / "to"))
    assert capsys.readouterr().err == "warning: index.qmd: broken link nowhere.qmd\n"
    (stage / "_quarto.yml").write_text("project: [", encoding="utf-8")
    with pytest.raises(SystemExit, match=r"smalldocs: .*_quarto\.yml"):
        smalldocs_site.main(str(stage), str(tmp_path / "to"))


def test_a_disk_that_is_full_is_told_in_one_line(stage, tmp_path, monkeypatch):
    def full(_site):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "search.json")

    monkeypatch.setattr(smalldocs_site.Site, "write_search", full)
    with pytest.raises(SystemExit, match=r"^search\.json: cannot be written \(No space left on device\)\. Make room"):
        smalldocs_site.main(str(stage), str(tmp_path / "to"))


# ---- where the site goes


def test_the_site_goes_where_quarto_is_told_to_write_it():
    config = Path(__file__).parents[2] / "_quarto.yml"
    assert yaml.safe_load(config.read_text(encoding="utf-8"))["project"]["output-dir"] == render.SITE


def test_resources_are_those_at_the_top_alone():
    """Without a slash before them Quarto takes them in any folder: those of a preview under embargo, too."""
    config = Path(__file__).parents[2] / "_quarto.yml"
    resources = yaml.safe_load(config.read_text(encoding="utf-8"))["project"]["resources"]
    assert [each for each in resources if not each.startswith("/")] == []


def test_a_page_that_is_gone_is_gone_from_the_site(stage, no_quarto):
    config = stage / "_quarto.yml"
    config.write_text(config.read_text(encoding="utf-8").replace("[index.qmd]", '["*.qmd"]'), encoding="utf-8")
    (stage / "other.qmd").write_text("Hello.\n", encoding="utf-8")
    render.render(stage)
    assert (stage / "_site" / "other.html").is_file()
    (stage / "other.qmd").unlink()
    render.render(stage)
    assert not (stage / "_site" / "other.html").exists()
    assert sorted(path.name for path in stage.iterdir()) == ["_quarto.yml", "_site", "index.qmd"]


def test_the_site_stays_where_rendering_it_anew_fails(stage, no_quarto, monkeypatch):
    render.render(stage)
    (stage / "index.qmd").write_text("---\ntitle: [\n---\n", encoding="utf-8")
    with pytest.raises(RenderError, match="smalldocs could not render"):
        render.render(stage)
    (stage / "index.qmd").write_text("Good morning.\n", encoding="utf-8")
    monkeypatch.setattr(render, "_copy_notebooks", _full)
    with pytest.raises(OSError, match="full"):
        render.render(stage)
    assert "Hello." in (stage / "_site" / "index.html").read_text(encoding="utf-8")
    assert sorted(path.name for path in stage.iterdir()) == ["_quarto.yml", "_site", "index.qmd"]


def _full(_stage, _site):
    raise OSError(errno.ENOSPC, "full")


def test_a_folder_that_is_no_site_is_not_replaced(stage, no_quarto):
    (stage / "_site").mkdir()
    (stage / "_site" / "letter.txt").write_text("Dear", encoding="utf-8")
    with pytest.raises(RenderError, match=r"_site is not empty and is not a built site"):
        render.render(stage)
    assert [path.name for path in (stage / "_site").iterdir()] == ["letter.txt"]


def test_quarto_is_not_disturbed_by_what_a_killed_build_left(stage, quarto):
    quarto()
    for name in ("_site", "_site.7.part", "_site.old"):
        (stage / name).mkdir()
        (stage / name / "index.html").touch()
    assert render.render(stage).renderer == "Quarto"
    assert sorted(path.name for path in stage.iterdir()) == ["_quarto.yml", "_site", "index.qmd"]


def test_nothing_of_an_earlier_site_or_a_preview_is_a_resource(stage, tmp_path):
    """To smalldocs, a name without a folder stands for it in every folder."""
    config = stage / "_quarto.yml"
    resources = '  resources: ["/feed.xml", "/_headers", "/organisations/*/feed.xml"]\n'
    config.write_text(config.read_text(encoding="utf-8") + resources, encoding="utf-8")
    for folder in (".", "organisations/RC9", "_preview", "_preview/_site", "_site/site_libs", "_site.old", "_build"):
        (stage / folder).mkdir(parents=True, exist_ok=True)
        (stage / folder / "feed.xml").touch()
    (stage / "_headers").touch()
    smalldocs_site.main(str(stage), str(tmp_path / "to"))
    found = {path.relative_to(tmp_path / "to").as_posix() for path in (tmp_path / "to").rglob("*") if path.is_file()}
    assert {each for each in found if "feed" in each} == {"feed.xml", "organisations/RC9/feed.xml"}
    assert "_headers" in found


# ---- what it says


@pytest.mark.parametrize(
    ("renderer", "name", "reason"),
    [("quarto", "Quarto", "1 of 2\n  ERROR: no such thing"), ("smalldocs", "smalldocs", "smalldocs: ")],
)
def test_a_renderer_that_fails_is_an_error_with_its_reason(stage, quarto, renderer, name, reason):
    quarto(said="\n1 of 2\n", complaint="ERROR: no such thing\n", code=1)
    (stage / "_quarto.yml").write_text("project: [", encoding="utf-8")
    with pytest.raises(RenderError) as refusal:
        render.render(stage, renderer)
    assert str(refusal.value).startswith(f"{name} could not render {stage}:\n  {reason}")


@pytest.mark.parametrize(("lines", "shown"), [(14, 14), (15, 15), (16, 15)])
def test_only_the_last_lines_of_a_long_complaint_are_shown(stage, quarto, lines, shown):
    quarto(complaint="".join(f"line {number}\n" for number in range(1, lines + 1)), code=1)
    with pytest.raises(RenderError) as refusal:
        render.render(stage)
    said = str(refusal.value).splitlines()[1:]
    assert (len(said), said[-1]) == (shown, f"  line {lines}")


def test_warnings_are_passed_on_and_nothing_else(stage, quarto):
    quarto(said="Output created\n", complaint="WARNING: a.qmd: broken link b.qmd\n[warn] odd key\n")
    assert render.render(stage).warnings == ["WARNING: a.qmd: broken link b.qmd", "[warn] odd key"]


def test_a_broken_link_is_a_warning_of_smalldocs(stage, no_quarto):
    (stage / "index.qmd").write_text("[nowhere](nowhere.qmd)\n", encoding="utf-8")
    assert render.render(stage).warnings == ["warning: index.qmd: broken link nowhere.qmd"]


def test_what_concerns_quarto_alone_is_no_warning(stage, no_quarto):
    (stage / "_quarto.yml").write_text(
        "project:\n  type: website\n  render: [index.qmd]\nformat:\n  html:\n    html-math-method: mathml\n",
        encoding="utf-8",
    )
    assert render.render(stage).warnings == []


def test_output_in_another_encoding_is_still_passed_on(stage, quarto):
    quarto(complaint=b"WARNING: na\xefve\n")
    assert render.render(stage).warnings == ["WARNING: na\N{REPLACEMENT CHARACTER}ve"]


# ---- downloads


def test_executed_notebooks_are_downloads_and_not_pages(stage, no_quarto):
    downloads = stage / "organisations" / "RC9" / "downloads"
    downloads.mkdir(parents=True)
    (downloads / "four_hours-RC9.ipynb").write_text("{}", encoding="utf-8")
    render.render(stage)
    site = stage / "_site" / "organisations" / "RC9" / "downloads"
    assert [path.name for path in site.iterdir()] == ["four_hours-RC9.ipynb"]


# ---- the site's own address


@pytest.mark.parametrize("address", ["", "https://example.org/x"])
def test_there_is_a_sitemap_of_full_addresses_where_the_site_has_one(stage, no_quarto, address):
    if address:
        config = stage / "_quarto.yml"
        config.write_text(f"{config.read_text(encoding='utf-8')}website:\n  site-url: {address}\n", encoding="utf-8")
    assert render.render(stage) == ("smalldocs", [])
    sitemap = stage / "_site" / "sitemap.xml"
    assert sitemap.exists() == bool(address)
    if address:
        assert f"<loc>{address}/index.html</loc>" in sitemap.read_text(encoding="utf-8")
