from dataclasses import replace

import numpy as np
import pytest
from sklearn.decomposition import PCA

import oracles
from crosstie.anchors import Refinement, fit_closed_form
from crosstie.anchors.fit_closed_form import SharedCells, match_softly, shared_directions, smoothed
from crosstie.anchors.linear import unit_rows
from crosstie.anchors.link_evidence import link_maps
from crosstie.metrics import foscttm

from .rotated_copies import SETTINGS, copies

PLAIN = Refinement(n_latent=99, n_rounds=1, smoothing=0, pull=0, balance=1, entropy=0.1, link_weight=0.7)
EDGE = ("a", "b")


def aligned(form, components):
    return {view: form.coordinates(view, x) for view, x in components.items()}


def unit(z):
    return z / np.linalg.norm(z, axis=1, keepdims=True)


def evidence(components, columns, settings):
    """Centred components of the two sides of the one edge, and their maps to the linked columns."""
    x = [(components[view] - components[view].mean(0)).astype(float) for view in EDGE]
    return x, link_maps(*columns[EDGE], *(s.T @ s / len(s) for s in x), shrinkage=settings.link_shrinkage)


def one_round(x, links, z, settings):
    """The naive blocks of both sides from the coordinates that are matched, and the strength of the directions."""
    plan = oracles.sinkhorn(*z, settings.entropy)
    *maps, strength = (m[..., : settings.n_latent] for m in oracles.closed_form_maps(*x, plan, settings.damping))
    agreement = oracles.agreement(x[0] @ links[0], x[1] @ links[1], plan)
    blocks = [
        oracles.side_by_side(s, m, a * agreement, settings.link_weight) for s, m, a in zip(x, maps, links, strict=True)
    ]
    return blocks, strength


def check_same_space(found, blocks, atol=2e-3):
    """Whatever the axes: all scalar products agree, up to the scale of each view."""
    scale = [np.sqrt((block**2).sum(1).mean()) for block in blocks]
    for z, block, c in zip(found, blocks, scale, strict=True):
        for w, other, d in zip(found, blocks, scale, strict=True):
            np.testing.assert_allclose(z @ w.T, block @ other.T / (c * d), atol=atol)


def test_rotated_copies_are_found():
    components, columns = copies()
    z = aligned(fit_closed_form(components, columns, SETTINGS), components)
    assert foscttm(z["a"], z["b"]) < 1e-3
    np.testing.assert_allclose(np.linalg.norm(z["a"], axis=1), 1, atol=1e-5)


def test_three_views_in_a_chain():
    components, columns = copies(("a", "b", "c"), noise=0.1)
    assert set(columns) == {("a", "b"), ("b", "c")}
    z = aligned(fit_closed_form(components, columns, SETTINGS), components)
    assert max(foscttm(z[i], z[j]) for i, j in (("a", "b"), ("b", "c"), ("a", "c"))) < 0.02


@pytest.mark.parametrize("damping", [0.0, 0.03])
def test_one_edge_and_one_round_is_a_singular_value_decomposition(damping):
    components, columns = copies(n_cells=40, n_components=5)
    settings = replace(PLAIN, damping=damping)
    form = fit_closed_form(components, columns, settings)
    x, links = evidence(components, columns, settings)
    blocks, strength = one_round(x, links, [unit(s @ a) for s, a in zip(x, links, strict=True)], settings)
    np.testing.assert_allclose(form.strength, strength, atol=1e-4)
    assert form.maps["a"].shape == (5, 5 + 4)
    check_same_space([s @ form.maps[view] for view, s in zip(EDGE, x, strict=True)], blocks)


def test_second_round_matches_the_coordinates_of_the_first():
    components, columns = copies(n_cells=40, n_components=5)
    first = fit_closed_form(components, columns, PLAIN)
    second = fit_closed_form(components, columns, replace(PLAIN, n_rounds=2))
    x, links = evidence(components, columns, PLAIN)
    z = [unit(s @ first.maps[view].astype(float)) for view, s in zip(EDGE, x, strict=True)]
    blocks, strength = one_round(x, links, z, PLAIN)
    np.testing.assert_allclose(second.strength, strength, atol=1e-4)
    assert np.abs(first.strength - strength).max() > 1e-3
    check_same_space([s @ second.maps[view] for view, s in zip(EDGE, x, strict=True)], blocks)


def test_coordinates_are_smoothed_before_they_are_matched():
    components, columns = copies(n_cells=40, n_components=5)
    settings = replace(PLAIN, smoothing=0.4, n_smooth=6)
    form = fit_closed_form(components, columns, settings)
    x, links = evidence(components, columns, settings)
    z = [oracles.smoothed(unit(s @ a), 6, 0.4) for s, a in zip(x, links, strict=True)]
    blocks, strength = one_round(x, links, z, settings)
    np.testing.assert_allclose(form.strength, strength, atol=1e-4)
    assert np.abs(form.strength - fit_closed_form(components, columns, PLAIN).strength).max() > 1e-3
    check_same_space([s @ form.maps[view] for view, s in zip(EDGE, x, strict=True)], blocks)
    # … and not after: coordinates are the linear map, scaled.
    for view, s in zip(EDGE, x, strict=True):
        np.testing.assert_allclose(form.coordinates(view, components[view]), unit(s @ form.maps[view]), atol=1e-5)
        np.testing.assert_allclose(form.reference[view], unit(s @ form.maps[view]), atol=1e-5)


def test_axes_are_the_principal_ones_of_all_cells():
    components, columns = copies(n_cells=40, n_components=5, noise=0.5, seed=5)
    assert components["a"].var(0).sum() < components["b"].var(0).sum()  # transport starts from a, as the oracle does
    settings = replace(PLAIN, n_latent=3)
    form = fit_closed_form(components, columns, settings)
    x, links = evidence(components, columns, settings)
    blocks, _ = one_round(x, links, [unit(s @ a) for s, a in zip(x, links, strict=True)], settings)
    axes = PCA(3).fit(np.vstack([unit(block) for block in blocks])).components_
    check_same_space([s @ form.maps[view] for view, s in zip(EDGE, x, strict=True)], [b @ axes.T for b in blocks])
    z = np.vstack(list(form.reference.values())) - np.mean(list(form.reference.values()), axis=(0, 1))
    assert (np.diff((z**2).sum(0)) < 0).all()


def test_the_order_of_views_edges_and_columns_makes_no_difference():
    components, columns = copies(("a", "b", "c"), n_cells=60, n_components=5, noise=0.5)
    components["c"] = components["c"][:50]
    form = fit_closed_form(components, columns, SETTINGS)
    order = np.random.default_rng(0).permutation(4)
    turned = {(b, a): (q[:, order], p[:, order]) for (a, b), (p, q) in reversed(columns.items())}
    other = fit_closed_form({view: components[view] for view in ("c", "b", "a")}, turned, SETTINGS)
    assert list(other.reference) == ["c", "b", "a"]
    assert other.edges == tuple(turned)
    for view in components:
        np.testing.assert_array_equal(other.maps[view], form.maps[view])
        np.testing.assert_array_equal(other.reference[view], form.reference[view])
    assert (np.sum([(z**3).mean(0) for z in form.reference.values()], axis=0) >= 0).all()


def test_a_wrong_link_fades_out():
    components, columns = copies(n_cells=200, n_components=6, noise=0.1)
    ((source, target),) = columns.values()
    wrong = np.random.default_rng(5).normal(size=(len(target), 1))
    mixed = {EDGE: (np.hstack([source, source[:, :1]]), np.hstack([target, wrong]))}
    settings = replace(SETTINGS, link_shrinkage=1.0)
    found = [aligned(fit_closed_form(components, c, settings), components) for c in (columns, mixed)]
    assert foscttm(found[1]["a"], found[1]["b"]) < foscttm(found[0]["a"], found[0]["b"]) + 0.01


def test_a_view_given_twice_over_weighs_the_same():
    components, columns = copies(n_cells=40, n_components=5, noise=1)
    settings = replace(PLAIN, n_latent=3)
    form = fit_closed_form(components, columns, settings)
    doubled = fit_closed_form(components | {"b": np.vstack([components["b"]] * 2)}, columns, settings)
    for view in EDGE:
        sign = np.sign((form.maps[view] * doubled.maps[view]).sum(0))
        np.testing.assert_allclose(doubled.maps[view] * sign, form.maps[view], atol=2e-3)


@pytest.mark.parametrize("n_latent", [3, 99])
def test_maps_bring_fitted_cells_to_unit_mean_square_length(n_latent):
    components, columns = copies(("a", "b", "c"), n_cells=60)
    form = fit_closed_form(components, columns, replace(SETTINGS, n_latent=n_latent))
    for view, x in components.items():
        z = (x - form.mean[view]) @ form.maps[view]
        assert (z**2).sum(1).mean() == pytest.approx(1, abs=1e-4)


def test_edges_count_alike():
    rng = np.random.default_rng(0)
    sizes = {"a": 4, "b": 3, "c": 5}
    covariance = {(i, j): rng.normal(size=(sizes[i], sizes[j])) for i, j in (("a", "b"), ("b", "c"), ("a", "c"))}
    one, strength = shared_directions(sizes, covariance, 6)
    louder = covariance | {("b", "c"): 100 * covariance["b", "c"]}
    other, same = shared_directions(sizes, louder, 6)
    np.testing.assert_allclose(same, strength)
    for view, size in sizes.items():
        assert one[view].shape == (size, len(strength))
        np.testing.assert_allclose(other[view], one[view], atol=1e-5)


def test_a_view_that_no_direction_reaches_has_none():
    # The start from shared cells: only views that have them take part. Rounding errors must not become directions.
    rng = np.random.default_rng(0)
    directions, strength = shared_directions({"a": 4, "b": 3, "c": 5}, {("a", "c"): rng.normal(size=(4, 5))}, 6)
    assert len(strength) == 4
    assert (directions["b"] == 0).all()
    np.testing.assert_allclose(np.linalg.norm(directions["a"], axis=0), strength, atol=1e-6)


def test_last_bits_do_not_grow_where_some_views_share_cells():
    components, columns = copies(("a", "b", "c", "d"), noise=0.5)
    columns["c", "d"] = tuple(np.zeros((8, 0)) for _ in range(2))  # joined by shared cells alone
    pairs = {("c", "d"): (np.arange(0, 300, 5),) * 2}
    rng = np.random.default_rng(0)
    near = {view: x * (1 + 1e-6 * rng.normal(size=x.shape)).astype(np.float32) for view, x in components.items()}
    one, other = (aligned(fit_closed_form(x, columns, SETTINGS, pairs=pairs), x) for x in (components, near))
    for view, z in one.items():
        np.testing.assert_allclose(z @ one["a"].T, other[view] @ other["a"].T, atol=1e-3)


def test_smoothing():
    z = unit_rows(np.random.default_rng(0).normal(size=(20, 3)))
    settings = Refinement(n_smooth=4, smoothing=0.3)
    np.testing.assert_allclose(smoothed(z, settings), oracles.smoothed(z, 4, 0.3), atol=1e-5)
    np.testing.assert_array_equal(smoothed(z, replace(settings, smoothing=0)), z)


def test_fewer_directions_than_asked_for():
    components, columns = copies(n_components=8)
    components["b"] = components["b"][:, :3]
    columns = {EDGE: (columns[EDGE][0], columns[EDGE][1][:3])}
    form = fit_closed_form(components, columns, replace(SETTINGS, n_latent=30))
    assert {view: m.shape for view, m in form.maps.items()} == {"a": (8, 3 + 4), "b": (3, 3 + 4)}
    assert form.strength.shape == (3,)
    assert form.strength[0] == 1
    assert (np.diff(form.strength) <= 0).all()
    assert (form.strength > 0).all()
    assert aligned(form, components)["b"].shape == (300, 3 + 4)


def test_order_of_cells_does_not_matter():
    components, columns = copies()
    order = np.random.default_rng(1).permutation(300)
    one = aligned(fit_closed_form(components, columns, SETTINGS), components)
    shuffled = components | {"b": components["b"][order]}
    other = aligned(fit_closed_form(shuffled, columns, SETTINGS), shuffled)
    same = one["a"] @ one["b"][order].T
    np.testing.assert_allclose(other["a"] @ other["b"].T, same, atol=5e-3)


def test_scale_of_linked_columns_does_not_matter():
    components, columns = copies()
    one = aligned(fit_closed_form(components, columns, SETTINGS), components)
    scaled = {EDGE: (columns[EDGE][0] * 9, columns[EDGE][1])}
    other = aligned(fit_closed_form(components, scaled, SETTINGS), components)
    np.testing.assert_allclose(other["a"] @ other["b"].T, one["a"] @ one["b"].T, atol=5e-3)


def test_sketches():
    components, columns = copies(n_cells=600)
    settings = replace(SETTINGS, n_sketch=250, n_sketches=2)
    one, same, other = (fit_closed_form(components, columns, settings, seed=seed) for seed in (0, 0, 1))
    np.testing.assert_array_equal(one.maps["a"], same.maps["a"])
    assert not np.array_equal(one.maps["a"], other.maps["a"])
    z = aligned(one, components)
    assert foscttm(z["a"], z["b"]) < 0.01


def test_seed_is_without_effect_on_small_views():
    components, columns = copies()
    one, other = (fit_closed_form(components, columns, SETTINGS, seed=seed) for seed in (0, 1))
    np.testing.assert_array_equal(one.maps["a"], other.maps["a"])


def test_views_of_unequal_size():
    components, columns = copies(n_cells=600)
    components["b"] = components["b"][:150]
    z = aligned(fit_closed_form(components, columns, replace(SETTINGS, n_sketch=200)), components)
    assert z["b"].shape == (150, 8)
    assert foscttm(z["a"][:150], z["b"]) < 0.05


def test_known_cells_show_their_covariance_and_correlation():
    rng = np.random.default_rng(0)
    damped = rng.normal(size=(30, 4)) + 2, rng.normal(size=(25, 3)) - 1
    linked = rng.normal(size=(30, 2)) + 1, rng.normal(size=(25, 2))
    rows = rng.permutation(30)[:12], rng.permutation(25)[:12]
    linked[1][rows[1], 0] = linked[0][rows[0], 0] + 0.3 * linked[1][rows[1], 0]
    linked[1][rows[1], 1] = -linked[0][rows[0], 1]
    known = SharedCells.of(damped, linked, rows)
    assert known.n_pairs == 12
    (x, y), (lx, ly) = ([side[i] for side, i in zip(sides, rows, strict=True)] for sides in (damped, linked))
    expected = (x - x.mean(0)).T @ (y - y.mean(0)) / 12
    np.testing.assert_allclose(known.covariance, expected, atol=1e-6)
    assert known.agreement[0] == pytest.approx(np.corrcoef(lx[:, 0], ly[:, 0])[0, 1], abs=1e-6)
    assert known.agreement[1] == 0  # what goes against each other is no evidence
    for free, all_rows, i in zip(known.free, (30, 25), rows, strict=True):
        np.testing.assert_array_equal(free, sorted(set(range(all_rows)) - set(i.tolist())))


def test_where_all_cells_are_known_nothing_is_matched():
    """One round is then the singular value decomposition of the cells' own covariance."""
    components, columns = copies(n_cells=40, n_components=5)
    order = np.random.default_rng(0).permutation(40)
    shuffled = {"a": components["a"], "b": components["b"][order]}
    pairs = {EDGE: (order, np.arange(40))}
    form = fit_closed_form(shuffled, columns, PLAIN, pairs=pairs)
    x, links = evidence(components, columns, PLAIN)
    *maps, strength = oracles.closed_form_maps(*x, np.eye(40) / 40, PLAIN.damping)
    np.testing.assert_allclose(form.strength, strength, atol=1e-4)
    agreement = oracles.agreement(x[0] @ links[0], x[1] @ links[1], np.eye(40) / 40)
    blocks = [
        oracles.side_by_side(s, m, a * agreement, PLAIN.link_weight) for s, m, a in zip(x, maps, links, strict=True)
    ]
    check_same_space([s @ form.maps[view] for view, s in zip(EDGE, x, strict=True)], blocks)


def test_known_cells_and_matched_ones_count_alike():
    """What is known and what is matched among the rest, weighted by how many cells stand behind each."""
    rng = np.random.default_rng(0)
    sides = [[rng.normal(size=(n, d)).astype(np.float32) for d in (4, 3, 2)] for n in (40, 35)]
    rows = rng.permutation(40)[:10], rng.permutation(35)[:10]
    known = SharedCells.of((sides[0][0], sides[1][0]), (sides[0][2], sides[1][2]), rows)

    def matched(some, known=None):
        return match_softly(*some, lambda x, y: (x, y), PLAIN, np.random.default_rng(0), known)

    rest = [tuple(np.delete(part, i, axis=0) for part in side) for side, i in zip(sides, rows, strict=True)]
    share = 10 / (10 + 25)
    for found, of_known, of_rest in zip(
        matched(sides, known), (known.covariance, known.agreement), matched(rest), strict=True
    ):
        np.testing.assert_allclose(found, share * of_known + (1 - share) * of_rest, atol=1e-5)
    few = SharedCells.of((sides[0][0], sides[1][0]), (sides[0][2], sides[1][2]), (np.arange(26), np.arange(26)))
    assert matched(sides, few)[0] is few.covariance  # of nine cells that are left nothing is made


def test_shared_cells_alone_find_the_rest():
    components, _ = copies(noise=0.05)
    nothing = {EDGE: (np.zeros((8, 0)), np.zeros((8, 0)))}
    form = fit_closed_form(components, nothing, SETTINGS, pairs={EDGE: (np.arange(0, 300, 5),) * 2})
    z = aligned(form, components)
    assert foscttm(z["a"], z["b"]) < 0.02


def test_batches_are_taken_off_fitted_and_new_cells_alike():
    components, columns = copies()
    batch = {"a": np.where(np.arange(300) % 2, "one", "two")}
    components["a"] = components["a"] + (batch["a"] == "two")[:, None].astype(np.float32)
    form = fit_closed_form(components, columns, replace(SETTINGS, pull=0), batches=batch)
    raw = {view: form.raw(view, x) for view, x in components.items()}
    moved = form.offsets.corrected("a", raw["a"], batch["a"])
    assert np.abs(moved - raw["a"]).max() > 0.05
    np.testing.assert_allclose(form.reference["a"], moved, atol=1e-5)
    np.testing.assert_allclose(form.reference["b"], raw["b"], atol=1e-5)
    np.testing.assert_allclose(form.coordinates("a", components["a"], batch["a"]), moved, atol=1e-5)
    np.testing.assert_allclose(form.coordinates("a", components["a"]), raw["a"], atol=1e-5)


def test_sketches_are_smoothed_too():
    components, columns = copies(noise=0.5)
    settings = replace(SETTINGS, n_sketch=100, n_rounds=1)
    one, other = (fit_closed_form(components, columns, replace(settings, smoothing=s)) for s in (0.0, 0.5))
    assert np.abs(one.strength - other.strength).max() > 1e-3


@pytest.mark.parametrize("turned", [False, True])
def test_columns_of_a_group_are_scaled_by_themselves(rng, turned):
    """A hundred columns of noise in a group of their own do not dilute three that hold, whichever view comes first."""
    state = rng.normal(size=(300, 3))
    x, y = (np.hstack([state + 0.3 * rng.normal(size=(300, 3)), rng.normal(size=(300, 30))]) for _ in range(2))
    true, noise = np.eye(33)[:, :3], rng.normal(size=(2, 33, 100))
    noise[:, :3] = 0
    columns = np.hstack([noise[0], true]), np.hstack([noise[1], true])
    edge = ("b", "a") if turned else ("a", "b")
    views = dict(zip(edge, (x.astype(np.float32), y.astype(np.float32)), strict=True))
    form = {
        name: fit_closed_form(views, {edge: columns}, Refinement(n_latent=5, n_rounds=1), groups=groups)
        for name, groups in {"apart": {edge: np.repeat([1, 0], [100, 3])}, "together": None}.items()
    }
    score = {name: foscttm(*(f.reference[view] for view in edge)) for name, f in form.items()}
    assert score["apart"] < score["together"] - 0.02
