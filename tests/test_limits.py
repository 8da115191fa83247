"""Every number and word of Adobe's has its source."""

from __future__ import annotations

import re

from tbpu_toolkit import limits


def constants():
    return {name for name in vars(limits) if name.isupper() and name[0] != "_"} - {
        "FACTS",
        "TYPE_CHECKING",
    }


def test_every_constant_has_a_fact_and_every_fact_a_constant():
    assert constants() == set(limits.FACTS)
    assert len(constants()) > 20


def test_every_fact_names_a_page_or_says_that_there_is_none():
    for name, fact in limits.FACTS.items():
        is_page = re.fullmatch(r"AdobeDocs/[\w.-]+:[\w./-]+\.(md|json)", fact.source)
        assert is_page or (fact.certainty == "inferred" and "no page" in fact.source), name
        assert fact.certainty in {"documented", "documented once", "observed", "inferred"}, name
        assert re.fullmatch(r"20\d\d-\d\d", fact.read), name


def test_the_numbers_are_the_ones_that_adobe_prints():
    assert (limits.MAX_BATCH_BYTES, limits.MAX_BATCH_ROWS) == (50_000_000, 500_000)
    assert (limits.MAX_NAME_LENGTH, limits.MAX_VALUE_LENGTH) == (128, 256)
    assert (limits.MAX_THIRD_PARTY_ID_LENGTH, limits.MAX_PC_ID_LENGTH) == (256, 128)
    assert (limits.MAX_PROFILE_BYTES, limits.ECID_DIGITS) == (64_000, 38)
    assert limits.CALLS_PER_MINUTE == 50
    assert limits.KEY_TYPES == ("pcId", "thirdPartyId")
