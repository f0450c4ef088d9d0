"""Declarations: every problem is named, with the id that it is in."""

import copy

import pytest
import yaml

from cordbook.review.estimates.declarations import DeclarationError, check_columns, load_declarations, parse_declarations

GOOD = {
    "defaults": {"measure": "logit", "model": "glmm"},
    "syntheses": [{"id": "a-b", "title": "T", "question": "Q", "section": "1", "outcome": "tumour"}],
}


def with_entry(**changes):
    content = copy.deepcopy(GOOD)
    content["syntheses"][0].update(changes)
    return content


def test_the_project_declares_the_estimates_that_the_review_promises(root):
    ids = {s.id for s in load_declarations(root / "data" / "syntheses.yml")}
    assert {
        "ais-improved-cell-therapy", "ais-improved-cell-therapy-phase", "ais-improved-cell-therapy-grade",
        "bladder-improved-cell-therapy", "bowel-improved-cell-therapy", "motor-improved-cell-therapy",
        "sensory-improved-cell-therapy", "sae-related-cell-therapy", "tumour-cell-therapy", "myelopathy-conventional",
        "myelopathy-reirradiation", "myelopathy-sbrt", "responder-neuromodulation", "ais-improved-treated-v-control",
    } <= ids  # fmt: skip


def test_defaults_fill_what_an_entry_leaves_out():
    synthesis = parse_declarations(GOOD)["a-b"]
    assert (synthesis.measure, synthesis.model, synthesis.strata, synthesis.level) == ("logit", "glmm", "total", 0.95)


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"id": "Not An Id"}, "hyphens"),
        ({"model": "bayes"}, "model is 'bayes'"),
        ({"measure": "probit"}, "measure is 'probit'"),
        ({"kind": "comparison"}, "measure is 'logit'"),
        ({"outcome": ""}, "outcome is missing"),
        ({"sratta": "total"}, "unknown key 'sratta'"),
        ({"strata": "all"}, "strata is 'all'"),
        ({"natural": "nowhere"}, "not declared"),
    ],
)
def test_a_fault_is_named_with_its_id(changes, named):
    with pytest.raises(DeclarationError) as caught:
        parse_declarations(with_entry(**changes))
    assert named in str(caught.value)
    assert changes.get("id", "a-b") in str(caught.value)


def test_all_faults_come_at_once():
    content = with_entry(model="x", measure="y")
    content["syntheses"].append(copy.deepcopy(GOOD["syntheses"][0]) | {"id": "a-c", "strata": 3})
    with pytest.raises(DeclarationError, match=r"3 problem"):
        parse_declarations(content)


def test_an_id_may_stand_once():
    content = copy.deepcopy(GOOD)
    content["syntheses"] *= 2
    with pytest.raises(DeclarationError, match="appears twice"):
        parse_declarations(content)


@pytest.mark.parametrize("text", ["", "- a", "syntheses: {}", "syntheses: [1]", "a: [", "syntheses:\n  - id: 3"])
def test_a_file_of_another_shape_is_refused(tmp_path, text):
    path = tmp_path / "syntheses.yml"
    path.write_text(text)
    with pytest.raises(DeclarationError, match=r"syntheses\.yml"):
        load_declarations(path)


def test_the_file_is_plain_yaml(root):
    assert yaml.safe_load((root / "data" / "syntheses.yml").read_text())["syntheses"]


def test_a_column_that_is_in_no_table_is_named_with_its_declaration():
    declarations = parse_declarations(with_entry(where={"rol": "treated", "stratum.any": "1"}, by="cell_typ"))
    with pytest.raises(
        DeclarationError, match=r"(?s)2 problem.*a-b: where names the column 'rol', .*a-b: by names the column 'cell_typ'"
    ):
        check_columns(declarations, {"role", "cell_type"})
