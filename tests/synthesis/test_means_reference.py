"""Effects of means against metafor (tests/reference/means.json; means.R made it), and the worked examples of papers and handbooks."""

import json
from pathlib import Path

import numpy as np
import pytest

from cordbook.synthesis import (
    change_effects,
    combine_groups,
    correlation_of_change,
    difference_of_changes,
    leave_one_out_effects,
    mean_effects,
    meta_regression,
    pool_changes,
    pool_mean_effects,
    pool_means,
    sd_from_ci,
    sd_from_p,
    sd_from_t,
    sd_of_change,
)
from cordbook.synthesis.means.sizes import bias_correction

REFERENCE = json.loads((Path(__file__).parents[1] / "reference" / "means.json").read_text(encoding="utf-8"))
GROUPS, CHANGES = REFERENCE["two_arms"], REFERENCE["changes"]
# Closed formulas; R's numbers are stored with 15 digits.
CLOSED_FORM = 1e-10
# R iterated to 1e-12 in tau2; limits carry that on.
ITERATIVE = 1e-6
COLUMNS = ("m1i", "sd1i", "n1i", "m2i", "sd2i", "n2i")
NORMAND = [GROUPS["normand1999"]["data"][name] for name in COLUMNS]


def close(found, wanted, tolerance=CLOSED_FORM):
    np.testing.assert_allclose(found, wanted, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize(("name", "measure"), [(n, m) for n, s in GROUPS.items() for m in s["effects"] if m != "MN"])
def test_effects_of_two_groups_are_those_of_escalc(name, measure):
    data, wanted = GROUPS[name]["data"], GROUPS[name]["effects"][measure]
    found = mean_effects(*(data[column] for column in COLUMNS), measure=measure)
    close(found.yi, wanted["yi"])
    close(found.vi, wanted.get("vi_bonett", wanted["vi"]))


def test_where_the_installed_escalc_differs_from_bonett_we_know_by_what():
    """SMDH of metafor 3.8-1 has the variance times c squared; SMD1H has n in place of n - 1."""
    for name in GROUPS:
        data = {column: np.array(GROUPS[name]["data"][column], float) for column in COLUMNS}
        unequal = mean_effects(*data.values(), measure="SMDH")
        close(unequal.vi * bias_correction(data["n1i"] + data["n2i"] - 2) ** 2, GROUPS[name]["effects"]["SMDH"]["vi"])
        own = mean_effects(*data.values(), measure="SMD1H")
        n = {"n1i": data["n1i"], "n2i": data["n2i"]}
        wanted = (data["sd1i"] / data["sd2i"]) ** 2 / n["n1i"] + 1 / n["n2i"] + own.yi**2 / (2 * n["n2i"])
        close(wanted, GROUPS[name]["effects"]["SMD1H"]["vi"])


@pytest.mark.parametrize("name", GROUPS)
def test_means_of_one_group_are_those_of_escalc(name):
    data, wanted = GROUPS[name]["data"], GROUPS[name]["effects"]["MN"]
    found = mean_effects(data["m1i"], data["sd1i"], data["n1i"])
    assert found.measure == "MN"
    close(found.yi, wanted["yi"])
    close(found.vi, wanted["vi"])


@pytest.mark.parametrize(("name", "measure"), [(n, m) for n, s in CHANGES.items() for m in s["effects"]])
def test_changes_are_those_of_escalc(name, measure):
    data, wanted = CHANGES[name]["data"], CHANGES[name]["effects"][measure]
    columns = [data[column] for column in ("n", "before", "after", "sd_before", "sd_after")]
    found = change_effects(*columns, r=data["r"], measure=measure)
    close(found.yi, wanted["yi"])
    close(found.vi, wanted["vi"])
    if measure != "ROMC":
        # The same from the change as reported, with the correlation worked out of its SD.
        sd = sd_of_change(data["sd_before"], data["sd_after"], data["r"])
        change = np.array(data["after"]) - data["before"]
        again = change_effects(
            data["n"], None, None, data["sd_before"], data["sd_after"], mean_change=change, sd_change=sd, measure=measure
        )
        close(again.vi, wanted["vi"])


#: Metafor 3.8-1 has other variances for SMDH and SMD1H, so its fits are not ours.
FITS = [(m, f) for m, s in GROUPS["normand1999"]["effects"].items() if "fits" in s and "vi_bonett" not in s for f in s["fits"]]


@pytest.mark.parametrize(("measure", "fit"), FITS)
def test_pooled_effects_are_those_of_rma(measure, fit):
    wanted = GROUPS["normand1999"]["effects"][measure]["fits"][fit]
    method, test = fit.split("_")
    model = {"EE": "common"}.get(method, method.lower())
    found = pool_means(*NORMAND, measure=measure, model=model, ci="wald" if test == "z" else "hksj", hksj_floor=test == "adhoc")
    scale = found.model_scale
    close([scale.estimate, scale.se, scale.ci_low, scale.ci_high], [wanted[x] for x in ("b", "se", "lb", "ub")], ITERATIVE)
    close([found.p, found.tau2, found.i2, found.q, found.q_p], [wanted[x] for x in ("p", "tau2", "I2", "Q", "Qp")], ITERATIVE)
    if wanted.get("pi"):
        close([scale.pi_low, scale.pi_high], wanted["pi"], ITERATIVE)
    if measure == "ROM":
        close([found.estimate, found.ci_low], np.exp([scale.estimate, scale.ci_low]), CLOSED_FORM)
    else:
        assert (found.estimate, found.ci_low) == (scale.estimate, scale.ci_low)


def test_effects_of_means_are_left_out_and_regressed_like_any_others():
    wanted = REFERENCE["normand1999_md"]
    effects = mean_effects(*NORMAND)
    rows = leave_one_out_effects(effects.yi, effects.vi, labels=effects.labels, model="reml", ci="wald").rows
    close([row.estimate for row in rows], wanted["leave_one_out"]["estimate"], ITERATIVE)
    close([row.tau2 for row in rows], wanted["leave_one_out"]["tau2"], ITERATIVE)
    size = np.log(np.array(NORMAND[2]) + NORMAND[5])
    fit = meta_regression(effects.yi, effects.vi, {"size": size}, hksj_floor=False)
    close([c.estimate for c in fit.coefficients], wanted["regression"]["b"], ITERATIVE)
    close([c.se for c in fit.coefficients], wanted["regression"]["se"], ITERATIVE)


# --- worked examples -----------------------------------------------------------------------------------------------------


def test_length_of_stay_in_hospital_of_normand_1999():
    """Statistics in Medicine 18:321-359, tables VIII and IX: mean differences with the pooled SD of both groups."""
    m1, sd1, n1, m2, sd2, n2 = map(np.array, NORMAND)
    sd = np.sqrt(((n1 - 1) * sd1**2 + (n2 - 1) * sd2**2) / (n1 + n2 - 2))
    effects = mean_effects(m1, sd, n1, m2, sd, n2)
    assert effects.yi.tolist() == [-20, -2, -55, -71, -4, 1, 11, -10, 7]
    assert effects.vi.round(2).tolist() == [40.59, 2.05, 15.28, 150.22, 20.19, 1.22, 95.38, 8.03, 20.69]
    published = {
        "common": (-3.49, -5.03, -1.96, 0),
        "dl": (-14.10, -24.45, -3.75, 218.72),
        "reml": (-15.12, -32.67, 2.43, 685.20),
    }
    for model, wanted in published.items():
        found = pool_mean_effects(effects, model=model, ci="wald")
        assert tuple(round(value, 2) for value in (found.estimate, found.ci_low, found.ci_high, found.tau2)) == wanted


def test_training_of_morris_2008():
    """Organizational Research Methods 11:364-386, table 1: change of the treated less that of controls, in SDs before."""
    treated, control = (
        change_effects(
            *(CHANGES[name]["data"][column] for column in ("n", "before", "after", "sd_before")),
            r=CHANGES[name]["data"]["r"],
            measure="SMCR",
        )
        for name in ("morris2008_treated", "morris2008_control")
    )
    found = difference_of_changes(treated, control)
    assert found.yi.round(2).tolist() == [0.74, 0.95, 1.81, 1.15, 0.51]
    # As metafor's analysis of this example prints them.
    assert found.vi.round(4).tolist() == [0.1138, 0.0426, 0.2833, 0.1458, 0.1667]
    assert found.n == treated.n + control.n


def test_change_in_the_example_of_metafor():
    """Viechtbauer's test of `escalc`: means 26 and 22, variances 30 and 20, r = 0.7, 60 patients."""
    found = change_effects([60], [22], [26], [20**0.5], [30**0.5], r=[0.7])
    assert (round(found.yi[0], 4), round(found.vi[0], 4)) == (4.0, 0.2618)
    ratio = change_effects([60], [22], [26], [20**0.5], [30**0.5], r=[0.7], measure="ROMC")
    assert (round(ratio.yi[0], 4), round(ratio.vi[0], 4)) == (0.1671, 0.0004)


def test_spreads_of_the_cochrane_handbook():
    """Sections 6.5.2.2 and 6.5.2.3; the Handbook rounds t to 2.78 and the standard error to 1.37."""
    assert sd_from_t([3.8], [3.8 / 1.37], [25], [22]).sd.round(2).tolist() == [4.69]
    assert sd_from_p([3.8], [0.008], [25], [22]).sd[0] == pytest.approx(4.69, abs=0.01)
    # A group of 25 with 95% limits 30.0 and 34.2: 5 x 4.2 / 4.128.
    assert sd_from_ci([30.0], [34.2], [25]).sd.round(2).tolist() == [5.09]


def test_changes_of_the_cochrane_handbook():
    """Section 6.5.2.8: correlations of both groups, and the SD of a change with 0.80 imputed."""
    assert correlation_of_change([6.4, 7.0], [7.1, 6.9], [4.5, 4.2]).round(2).tolist() == [0.78, 0.82]
    assert sd_of_change([7.0], [6.9], [0.80]).round(2).tolist() == [4.40]
    found = pool_changes([135], [15.7], [17.2], [7.0], [6.9], imputed_r=0.80)
    assert found.studies[0].sd1 == pytest.approx(4.40, abs=0.005)


def test_two_groups_combined_by_the_formula_of_the_cochrane_handbook():
    """Section 6.5.2.10, table 6.5.a, written out."""
    m1, sd1, n1, m2, sd2, n2 = 12.4, 3.1, 31, 15.9, 4.4, 17
    sd = np.sqrt(((n1 - 1) * sd1**2 + (n2 - 1) * sd2**2 + n1 * n2 / (n1 + n2) * (m1**2 + m2**2 - 2 * m1 * m2)) / (n1 + n2 - 1))
    found = combine_groups([m1, m2], [sd1, sd2], [n1, n2])
    close([found.mean[0], found.sd[0], found.n[0]], [(n1 * m1 + n2 * m2) / (n1 + n2), sd, n1 + n2])
