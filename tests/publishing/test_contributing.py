import pytest

from openmeasures import project
from openmeasures.errors import RenderError
from openmeasures.publishing import contributing

TEXT = """\
# Contributing

See [the README](README.md), [analyses/README.md](analyses/README.md#fields), [`LICENSE`](LICENSE),
[Data](site/data.qmd#names), [above](#top) and [NHS](https://www.england.nhs.uk/).
"""


def test_links_to_files_become_names_and_links_to_pages_lead_there(tmp_path):
    (tmp_path / "CONTRIBUTING.md").write_text(TEXT, encoding="utf-8")
    assert contributing.body(tmp_path) == (
        "See the README (`README.md`), `analyses/README.md`, `LICENSE`,\n"
        "[Data](data.qmd#names), [above](#top) and [NHS](https://www.england.nhs.uk/)."
    )


def test_a_project_without_the_file_is_told_what_to_do(tmp_path):
    with pytest.raises(RenderError, match=r"CONTRIBUTING\.md: no such file .* Take it from the repository\."):
        contributing.body(tmp_path)


def test_our_own_has_its_sections_and_no_link_into_the_repository():
    text = contributing.body(project.root())
    assert text.startswith("Corrections of fact")
    assert "## Add a measure" in text
    assert "](analyses" not in text
    assert "](README" not in text
