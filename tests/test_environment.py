"""environment.yml (conda), requirements.lock (pip) and pyproject.toml must say the same, and name no registry."""

import ast
import re
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]


def locked():
    lines = (ROOT / "requirements.lock").read_text(encoding="utf-8").splitlines()
    pins = [re.match(r"([A-Za-z0-9._-]+)==([^ ;\\]+)", line) for line in lines]
    return {canonicalize_name(pin[1]): pin[2] for pin in pins if pin}


def conda():
    content = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))
    plain = [entry for entry in content["dependencies"] if isinstance(entry, str)]
    (through_pip,) = (entry["pip"] for entry in content["dependencies"] if isinstance(entry, dict))
    return content["channels"], plain, through_pip


def asked_for():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    asked = [*project["dependencies"], *(each for extra in project["optional-dependencies"].values() for each in extra)]
    return {canonicalize_name(Requirement(line).name): Requirement(line) for line in asked}


def test_conda_takes_every_package_at_the_version_that_pip_locks():
    _, _, through_pip = conda()
    pins = dict(line.split("==") for line in through_pip if "==" in line)
    assert {canonicalize_name(name): version for name, version in pins.items()} == {
        name: locked()[name] for name in asked_for()
    }


def test_conda_pins_python_pip_and_quarto_exactly():
    channels, plain, _ = conda()
    assert channels == ["conda-forge", "nodefaults"]
    assert sorted(re.fullmatch(r"([a-z]+)=\d+\.\d+(\.\d+)?", entry)[1] for entry in plain) == [
        "pip",
        "python",
        "quarto",
    ]


@pytest.mark.parametrize("name", sorted(asked_for()))
def test_lock_satisfies_what_the_package_asks_for(name):
    assert locked()[name] in asked_for()[name].specifier


def imported():
    """The packages that ours imports by name, but for those of Python itself."""
    names = set()
    for path in (ROOT / "shared" / "openmeasures").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                names |= {each.name for each in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                names.add(node.module)
    return {name.partition(".")[0] for name in names} - sys.stdlib_module_names - {"openmeasures"}


def test_whatever_is_imported_is_asked_for_and_so_a_part_of_every_run_s_key():
    distributions = packages_distributions()
    of_them = {name: {canonicalize_name(each) for each in distributions[name]} for name in imported()}
    assert {name for name, provided_by in of_them.items() if not provided_by & asked_for().keys()} == set()


def test_every_locked_package_has_a_hash():
    text = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    for block in re.split(r"\n(?=\S)", text.strip()):
        assert "--hash=sha256:" in block, block.splitlines()[0]


def test_no_registry_is_named():
    for name in ("requirements.lock", "environment.yml", "pyproject.toml"):
        text = (ROOT / name).read_text(encoding="utf-8")
        assert not re.search(r"https?://(?!github\.com)|index-url", text), name
