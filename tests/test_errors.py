import pytest

from openmeasures import errors


def test_every_error_is_one_that_the_command_line_prints_as_a_line():
    family = [
        errors.SourceError,
        errors.StoreError,
        errors.DefinitionError,
        errors.ParameterError,
        errors.RenderError,
        errors.ClusterError,
    ]
    assert all(issubclass(error, errors.OpenMeasuresError) for error in family)


def test_a_users_mistake_has_the_exit_code_of_bad_usage():
    assert errors.StoreError("x").exit_code == 2


@pytest.mark.parametrize(
    ("found", "known", "said"),
    [
        ("RC8", ["RC9", "RJ1"], " Did you mean 'RC9'?"),
        ("rc9", ["RC9"], " Did you mean 'RC9'?"),
        ("titel", ["title", "unit"], " Did you mean 'title'?"),
        ("xyz", ["RC9"], ""),
        ("", ["RC9"], ""),
        ("RC9", [], ""),
    ],
)
def test_near_miss(found, known, said):
    assert errors.near_miss(found, known) == said


def test_near_miss_names_the_likeliest_only():
    assert errors.near_miss("attendence", ["attendance", "attendances"]) == " Did you mean 'attendance'?"
