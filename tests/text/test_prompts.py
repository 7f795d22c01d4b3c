from __future__ import annotations

import pytest

from mindtune.data.datasets import list_datasets
from mindtune.errors import ConfigError
from mindtune.text import prompts
from mindtune.text.prompts import check_templates, prompts_for, templates_of


def test_class_names_go_into_templates():
    assert prompts_for("Apply_Eye_Makeup", ["a photo of a person doing {}."]) == [
        "a photo of a person doing Apply Eye Makeup."
    ]
    tench = prompts_for("tench", templates_of("imagenet"))
    assert (len(tench), tench[0], tench[-1]) == (
        *(7, "itap of a tench.", "a photo of the small tench."),
    )
    assert templates_of("folder") == ("a photo of a {}.",)


@pytest.mark.parametrize("name", sorted(prompts._TEMPLATES))
def test_templates_belong_to_data_sets_and_hold_a_name(name):
    assert name in list_datasets()
    check_templates(templates_of(name))


@pytest.mark.parametrize(
    ("templates", "message"),
    [
        ([], "got an empty list"),
        (["a cat"], r"got 'a cat', expected \{\} once"),
        (["{} and {}"], r"got '\{\} and \{\}'"),
        (["a {name}"], r"got 'a \{name\}'"),
    ],
)
def test_templates_without_a_place_are_refused(templates, message):
    with pytest.raises(ConfigError, match=message):
        check_templates(templates)
