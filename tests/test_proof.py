"""The proof: how it samples, decodes, compares and counts."""

from __future__ import annotations

import json
import urllib.request
from collections import Counter
from urllib.parse import quote

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tbpu_toolkit as tbpu
from tbpu_toolkit.answers import BatchStatus
from tbpu_toolkit.batches import Batch
from tbpu_toolkit.client import Profile
from tbpu_toolkit.errors import CallFailed, InputError
from tbpu_toolkit.proof import Comparison, Proof, SentRow, compare, draw_sample, wilson_interval


def batch_file(folder, number, lines, header="thirdPartyId,tier"):
    path = folder / f"{number:04d}.batch"
    content = f"batch={header}\n" + "".join(f"{line}\n" for line in lines)
    path.write_bytes(content.encode("ascii"))
    return Batch(number, path, len(lines), len(content), "", 1, len(lines))


# --- the interval -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("hits", "trials", "low", "high"),
    [
        (0, 10, 0.0, 0.2775),  # R: binom::binom.wilson
        (1, 10, 0.0179, 0.4042),
        (5, 10, 0.2366, 0.7634),
        (10, 10, 0.7225, 1.0),
        (81, 263, 0.2553, 0.3662),  # Newcombe, Statistics in Medicine 17 (1998), table I
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
        (400, 400, 0.9905, 1.0),
    ],
)
def test_wilsons_interval_has_its_published_values(hits, trials, low, high):
    assert wilson_interval(hits, trials) == pytest.approx((low, high), abs=6e-5)


@given(st.integers(1, 5_000), st.data())
def test_the_interval_holds_the_share_and_mirrors(trials, data):
    hits = data.draw(st.integers(0, trials))
    low, high = wilson_interval(hits, trials)
    mirrored = wilson_interval(trials - hits, trials)
    assert 0 <= low <= hits / trials <= high <= 1
    assert (1 - high, 1 - low) == pytest.approx(mirrored, abs=1e-9)


# --- the sample ---------------------------------------------------------------------------


def test_a_large_sample_is_every_row_once(tmp_path):
    batches = [
        batch_file(tmp_path, 1, [f"a{n},x" for n in range(7)]),
        batch_file(tmp_path, 2, ["b0,x"]),
        batch_file(tmp_path, 3, [f"c{n},x" for n in range(4)]),
    ]
    for size in (12, 13, 1_000):
        drawn = draw_sample(batches, size, 1)
        assert [row.id for row in drawn] == [
            *(f"a{n}" for n in range(7)),
            "b0",
            *(f"c{n}" for n in range(4)),
        ]
        assert Counter(row.batch for row in drawn) == {1: 7, 2: 1, 3: 4}


def test_a_sample_has_its_size_without_repeats_and_comes_again_by_its_seed(tmp_path):
    batches = [batch_file(tmp_path, n, [f"{n}-{m},x" for m in range(50)]) for n in (1, 2)]
    for size in (1, 30, 99):
        drawn = draw_sample(batches, size, 7)
        assert len({row.id for row in drawn}) == len(drawn) == size
        assert draw_sample(batches, size, 7) == drawn
    assert draw_sample(batches, 30, 8) != draw_sample(batches, 30, 7)


def test_every_row_has_the_same_chance_whatever_its_batch(tmp_path):
    """Chi squared over 20 rows in batches of 15, 4 and 1; 43.8 is the 0.1 % point for 19."""
    sizes = {1: 15, 2: 4, 3: 1}
    batches = [batch_file(tmp_path, n, [f"{n}-{m},x" for m in range(k)]) for n, k in sizes.items()]
    counts = Counter(row.id for seed in range(2_000) for row in draw_sample(batches, 5, seed))
    assert len(counts) == 20
    assert sum((count - 500) ** 2 / 500 for count in counts.values()) < 43.8


def test_a_row_is_decoded_as_the_page_says(tmp_path):
    lines = ["00004,Z%C3%BCrich,,a%2Cb%0A%25", "%2B%2520,,,", "1,+,%F0%9F%98%80,%22q%22"]
    batch = batch_file(tmp_path, 1, lines, "thirdPartyId,city,loyalty%20tier,n%C3%A9")
    assert draw_sample([batch], 9, 1) == [
        SentRow(1, "00004", {"city": "Zürich", "né": "a,b\n%"}),
        SentRow(1, "+%20", {}),
        SentRow(1, "1", {"city": "+", "loyalty tier": "\N{GRINNING FACE}", "né": '"q"'}),
    ]


def test_a_file_without_parameters_is_read(tmp_path):
    batch = batch_file(tmp_path, 1, ["1", "2"], "pcId")
    assert draw_sample([batch], 9, 1) == [SentRow(1, "1", {}), SentRow(1, "2", {})]


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.text(min_size=1), st.text()), min_size=1, max_size=20))
def test_any_text_comes_back_out_of_the_file(tmp_path_factory, rows):
    lines = [",".join(quote(cell, safe="") for cell in row) for row in rows]
    batch = batch_file(tmp_path_factory.mktemp("b"), 1, lines)
    expected = [SentRow(1, key, {"tier": value} if value else {}) for key, value in rows]
    assert draw_sample([batch], 99, 1) == expected


# --- comparing ----------------------------------------------------------------------------

_SENT = SentRow(1, "1", {"a": "x", "b": "y"})


@pytest.mark.parametrize(
    ("came", "found", "differing"),
    [
        ({"a": "x", "b": "y"}, True, {}),
        ({"a": "x", "b": "y", "c": "older"}, True, {}),
        ({"a": "x"}, True, {"b": None}),
        ({"a": "X", "b": "y "}, True, {"a": "X", "b": "y "}),
        ({}, True, {"a": None, "b": None}),
        (None, False, {}),
    ],
)
def test_what_came_back_is_held_against_what_was_sent(came, found, differing):
    comparison = compare(_SENT, came)
    assert (comparison.found, comparison.differing) == (found, differing)
    assert comparison.is_seen is (found and not differing)


def proof_of(rows, missing=0, differing=0, expected=0.001, number=1):
    comparisons = [Comparison(SentRow(number, str(n), {"a": "x"}), True, {}) for n in range(rows)]
    for place in range(missing):
        comparisons[place] = compare(comparisons[place].sent, None)
    for place in range(missing, missing + differing):
        comparisons[place] = compare(comparisons[place].sent, {"a": "y"})
    return Proof(tuple(comparisons), 100_000, {number: expected}, 1)


@pytest.mark.parametrize(
    ("rows", "missing", "differing", "expected", "is_seen"),
    [
        (400, 0, 0, 0.001, True),
        (400, 1, 0, 0.001, True),
        (400, 5, 0, 0.001, False),
        (400, 0, 1, 0.001, False),
        (400, 1, 1, 0.001, False),
        (400, 400, 0, 1.0, False),
        (400, 200, 0, 0.501, True),
        (400, 260, 0, 0.501, False),
        (1, 0, 0, 0.001, True),
        (1, 1, 0, 0.001, False),
        (2, 1, 0, 0.001, False),
        (10_000, 10, 0, 0.001, True),
        (10_000, 40, 0, 0.001, False),
    ],
)
def test_a_batch_is_seen_where_the_loss_is_explained(rows, missing, differing, expected, is_seen):
    proof = proof_of(rows, missing, differing, expected)
    told = proof.batch(1)
    assert told["is_seen"] is is_seen
    assert (told["sampled"], told["missing"], told["differing"]) == (rows, missing, differing)
    assert told["seen"] == rows - missing - differing == proof.seen
    assert proof.sampled == rows
    assert len(proof.missing) == missing
    assert len(proof.differing) == differing
    assert proof.interval == pytest.approx(wilson_interval(proof.seen, rows))


def test_a_batch_that_was_not_sampled_is_not_seen():
    assert proof_of(3).batch(2)["is_seen"] is False


def test_the_tables_of_a_proof_say_what_and_where():
    proof = proof_of(3, missing=1, differing=1)
    assert proof.missing.to_dict("records") == [{"batch": 1, "id": "0"}]
    assert proof.differing.to_dict("records") == [
        {"batch": 1, "id": "1", "parameter": "a", "sent": "x", "fetched": "y"}
    ]
    assert list(proof_of(1).missing.columns) == ["batch", "id"]
    assert list(proof_of(1).differing.columns) == ["batch", "id", "parameter", "sent", "fetched"]
    assert "1 of 3 fetched rows" in repr(proof)
    assert "1 not found, 1 differing" in repr(proof)


# --- on the sandbox -----------------------------------------------------------------------


def test_a_load_is_proven_by_what_the_sandbox_really_holds(sandbox, make_run):
    hard = ["a,b", "a&b", "a+b", "50%", "é", "\N{GRINNING FACE}", "  two  ", '"q"\n']
    run = make_run(4, city=hard, blank=["x", None] * 4)
    client = sandbox.client("acme")
    proof = run.send(client).wait(client).prove(client)
    assert (proof.sampled, proof.seen) == (8, 8)
    assert list(run.table()["state"]) == ["seen"] * 4
    assert all(run.table()["seen_at"])
    for place, value in enumerate(hard, 1):
        url = f"{sandbox.url}/rest/v1/profiles/thirdPartyId/{place:05d}?client=acme"
        with urllib.request.urlopen(url) as answer:
            told = json.load(answer)["profileAttributes"]
        assert told["city"]["value"] == value
        assert ("blank" in told) is (place % 2 == 1)


def test_a_value_that_changed_since_is_found(sandbox, make_run):
    run = make_run(2)
    client = sandbox.client("acme")
    run.send(client).wait(client)
    client.update_profile("00003", {"tier": "bronze"})
    proof = run.prove(client)
    (found,) = proof.differing.to_dict("records")
    assert (found["batch"], found["id"], found["sent"], found["fetched"]) == (
        2,
        "00003",
        "gold",
        "bronze",
    )
    assert list(run.table()["state"]) == ["seen", "complete"]


def test_nothing_is_proven_before_it_is_complete(make_run):
    run = make_run(1)
    with tbpu.Sandbox(seconds_to_complete=600) as slow:
        client = slow.client("acme")
        with pytest.raises(InputError, match="built"):
            run.prove(client)
        run.send(client).refresh(client)
        with pytest.raises(InputError, match="submitted"):
            run.prove(client)
    assert list(run.table()["state"]) == ["submitted"]


@pytest.mark.parametrize("sample", [0, -5])
def test_a_sample_of_nothing_is_refused_for_what_it_is(sandbox, make_run, sample):
    run = make_run(1)
    client = sandbox.client("acme")
    run.send(client).wait(client)
    with pytest.raises(InputError, match="sample"):
        run.prove(client, sample=sample)


def test_version_1_counts_what_target_did_not_know(sandbox, tmp_path):
    """Half of the rows were never there, and Target said so: the load is as good as told."""
    ids = [f"{number}" for number in range(40)]
    mapping = tbpu.Mapping("id", "pcId", {"tier": "tier"}, site_uses_ecid=True)
    run = tbpu.prepare(pd.DataFrame({"id": ids, "tier": "gold"}), mapping, tmp_path / "v1")
    assert run.mapping.api_version == "v1"
    sandbox.add_profiles(ids[:20])
    client = sandbox.client("acme")
    proof = run.send(client).wait(client).prove(client)
    (row,) = run.table().to_dict("records")
    assert (row["updated"], row["not_found"], row["state"]) == (20, 20, "seen")
    assert (proof.seen, len(proof.missing)) == (20, 20)
    assert set(proof.missing["id"]) == set(ids[20:])


class FakeTarget:
    """A client that answers from a dictionary."""

    def __init__(self, client, profiles):
        self.client_code, self.base_url = client.client_code, client.base_url
        self.profiles = profiles

    def fetch_profile(self, key, key_type):
        if self.profiles is None:
            raise CallFailed("no")
        found = self.profiles.get(key)
        return Profile(key, key_type, found is not None, found or {})

    def batch_status(self, _):
        return BatchStatus("complete")


def test_a_smaller_proof_takes_nothing_back_of_a_batch_that_it_did_not_look_at(sandbox, make_run):
    run = make_run(4)
    client = sandbox.client("acme")
    run.send(client).wait(client).prove(client)
    assert list(run.table()["state"]) == ["seen"] * 4
    run.prove(client, sample=1, seed=1)
    assert list(run.table()["state"]) == ["seen"] * 4


def test_a_proof_that_fails_half_way_writes_nothing_down(sandbox, make_run):
    run = make_run(2)
    client = sandbox.client("acme")
    run.send(client).wait(client)
    with pytest.raises(CallFailed):
        run.prove(FakeTarget(client, None))
    assert list(run.table()["state"]) == ["complete"] * 2


def test_a_newer_proof_that_finds_nothing_takes_seen_back(sandbox, make_run):
    run = make_run(1)
    client = sandbox.client("acme")
    run.send(client).wait(client).prove(client)
    run.prove(FakeTarget(client, {}))
    assert list(run.table()["state"]) == ["complete"]
    assert run.table()["seen_at"].isna().all()


def test_the_seed_is_told_and_used(sandbox, make_run):
    run = make_run(10)
    client = sandbox.client("acme")
    run.send(client).wait(client)
    first = run.prove(client, sample=5)
    again = run.prove(client, sample=5, seed=first.seed)
    ids = [comparison.sent.id for comparison in first.comparisons]
    assert [comparison.sent.id for comparison in again.comparisons] == ids
    others = {tuple(c.sent.id for c in run.prove(client, sample=5).comparisons) for _ in range(4)}
    assert len(others) > 1


@pytest.mark.parametrize(
    ("reported", "told"),
    [
        (0, " Up to"),
        (3, " Target itself reported 3 of them as not stored; up to"),
    ],
)
def test_what_is_missing_is_told_beside_what_need_not_be_there(reported, told):
    row = SentRow(1, "1", {"tier": "gold"})
    lost = Comparison(row, found=False, differing={})
    seen = Comparison(row, found=True, differing={})
    said = f"of the 100 rows.{told} 0.1 % of a large batch may be lost by design."
    assert repr(Proof((lost, seen), 100, {}, 0, reported)).endswith(said)
    assert "by design" not in repr(Proof((seen, seen), 100, {}, 0, reported))
