"""Every number and word of Adobe's that the toolkit relies on, with its source.

Nothing here is ours: a number that we chose ourselves lives where it is used.
Each constant has an entry in :data:`FACTS` that names the page it was read on and
how sure it is, and ``tests/test_limits.py`` fails where one is missing.

>>> FACTS["MAX_BATCH_ROWS"].source
'AdobeDocs/target-dev.en:help/dev/administer/profile-api/profile-bulk-api.md'
>>> MAX_BATCH_ROWS, FACTS["MAX_BATCH_ROWS"].certainty
(500000, 'documented')
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

KeyType = Literal["pcId", "thirdPartyId"]
Version = Literal["v1", "v2"]
Certainty = Literal["documented", "documented once", "observed", "inferred"]

# --- where a call goes ---------------------------------------------------------------

CLIENT_CODE_PATTERN: Final = r"[a-z0-9][a-z0-9_-]{0,62}"
EDGE_DOMAIN: Final = ".tt.omtrdc.net"
BATCH_UPDATE_PATHS: Final[Mapping[Version, str]] = MappingProxyType(
    {
        "v1": "/m2/{client_code}/profile/batchUpdate",
        "v2": "/m2/{client_code}/v2/profile/batchUpdate",
    }
)
BATCH_STATUS_PATHS: Final[Mapping[Version, str]] = MappingProxyType(
    {
        "v1": "/m2/{client_code}/profile/batchStatus",
        "v2": "/m2/{client_code}/v2/profile/batchStatus",
    }
)
BATCH_ID_PATTERN: Final = r"[A-Za-z0-9_.-]{1,128}"
SINGLE_UPDATE_PATH: Final = "/m2/{client_code}/profile/update"
FETCH_PATHS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "pcId": "/rest/v1/profiles/{id}",
        "thirdPartyId": "/rest/v1/profiles/thirdPartyId/{id}",
        "ecid": "/rest/v1/profiles/marketingCloudVisitorId/{id}",
    }
)
NO_PROFILE: Final = "No profile found"  # how the message of a 404 begins
CONTENT_TYPE: Final = "application/x-www-form-urlencoded"

# --- the batch file ------------------------------------------------------------------

BATCH_PREFIX: Final = "batch="
KEY_TYPES: Final[tuple[KeyType, ...]] = ("pcId", "thirdPartyId")
MAX_BATCH_BYTES: Final = 50_000_000
MAX_BATCH_ROWS: Final = 500_000

# --- what a name, a value, a profile may be ------------------------------------------

MAX_NAME_LENGTH: Final = 128
PROFILE_PREFIX: Final = "profile."
BARRED_NAMES: Final = frozenset({"orderId", "orderTotal", "productPurchasedId"})
RESERVED_PREFIXES: Final = ("user.", "entity.", "geo.", "geolocation.", "mobile.")
RESERVED_NAMES: Final = frozenset(
    {"browserTime", "sessionCount", "averageDaysBetweenVisits", "firstSessionStart"}
)
MAX_VALUE_LENGTH: Final = 256
MAX_PROFILE_BYTES: Final = 64_000

# --- ids -----------------------------------------------------------------------------

MAX_THIRD_PARTY_ID_LENGTH: Final = 256
OLD_THIRD_PARTY_ID_LENGTH: Final = 128
THIRD_PARTY_ID_FORBIDDEN: Final = ("+", "/")
MAX_PC_ID_LENGTH: Final = 128
ECID_DIGITS: Final = 38

# --- calls ---------------------------------------------------------------------------

CALLS_PER_MINUTE: Final = 50
SINGLE_UPDATE_GET_BYTES: Final = 8_000
SINGLE_UPDATE_POST_BYTES: Final = 60_000
SINGLE_UPDATES_PER_DAY: Final = 1_000_000

# --- what happens after a batch was taken --------------------------------------------

STATUS_COMPLETE: Final = "complete"
STATUS_INCOMPLETE: Final = "incomplete"
STATUS_STUCK: Final = "stuck"
EXPECTED_LOSS: Final = 0.001
USUAL_HOURS: Final = 1
LONGEST_HOURS: Final = 24
PROFILE_LIFE_DAYS: Final = 14


@dataclass(frozen=True, slots=True)
class Fact:
    """Where a constant comes from.

    Attributes:
        source: repository and path of the page, as ``owner/name:path``.
        certainty: *documented* today, *documented once* and changed since,
            *observed* in public code or logs, or *inferred*.
        read: the month in which the page was read, ``YYYY-MM``.
        note: what the page leaves open, and what was chosen then; may be empty.

    """

    source: str
    certainty: Certainty = "documented"
    read: str = "2026-11"
    note: str = ""


_PROFILE_API = "AdobeDocs/target-dev.en:help/dev/administer/profile-api/"
_BULK = _PROFILE_API + "profile-bulk-api.md"
_SINGLE = _PROFILE_API + "profile-single-api.md"
_FETCH = _PROFILE_API + "profile-fetch.md"
_UNSTATED = "no page read states it for this API"
_LIMITS = "AdobeDocs/target.en:help/main/r-troubleshooting-target/target-limits.md"
_DELIVERY = "AdobeDocs/target-developers:src/delivery-api.json"

FACTS: Final[Mapping[str, Fact]] = MappingProxyType(
    {
        "CLIENT_CODE_PATTERN": Fact(
            _BULK, "inferred", note="documented: lower case, no special characters"
        ),
        "EDGE_DOMAIN": Fact(_BULK),
        "BATCH_UPDATE_PATHS": Fact(_BULK),
        "BATCH_STATUS_PATHS": Fact(
            _BULK, note="the v2 form is inferred; the samples show the v1 form for both"
        ),
        "BATCH_ID_PATTERN": Fact(
            _BULK, "inferred", note="every sample is CLIENTCODE-digits-digits"
        ),
        "SINGLE_UPDATE_PATH": Fact(_SINGLE),
        "FETCH_PATHS": Fact(_FETCH),
        "NO_PROFILE": Fact(_FETCH),
        "CONTENT_TYPE": Fact(_BULK, "observed", note="what curl --data-binary sends"),
        "BATCH_PREFIX": Fact(_BULK),
        "KEY_TYPES": Fact(_BULK),
        "MAX_BATCH_BYTES": Fact(
            _BULK,
            note="'less than 50 MB'; MB is not defined, so the smaller meaning, and below it",
        ),
        "MAX_BATCH_ROWS": Fact(_BULK),
        "MAX_NAME_LENGTH": Fact(_LIMITS, note="stated for in-mbox and Delivery calls"),
        "PROFILE_PREFIX": Fact(_BULK),
        "BARRED_NAMES": Fact(_DELIVERY, note="barred for mbox parameters; unstated for bulk"),
        "RESERVED_PREFIXES": Fact(
            _UNSTATED, "inferred", note="names that Target's own attributes begin with"
        ),
        "RESERVED_NAMES": Fact(_UNSTATED, "inferred", note="names of Target's own attributes"),
        "MAX_VALUE_LENGTH": Fact(
            _LIMITS, note="stated for in-mbox and Delivery; unstated for bulk"
        ),
        "MAX_PROFILE_BYTES": Fact(
            _LIMITS, note="'64 KB' of external data; KB is not defined, so the smaller meaning"
        ),
        "MAX_THIRD_PARTY_ID_LENGTH": Fact(_LIMITS),
        "OLD_THIRD_PARTY_ID_LENGTH": Fact(_LIMITS, "documented once"),
        "THIRD_PARTY_ID_FORBIDDEN": Fact(_BULK),
        "MAX_PC_ID_LENGTH": Fact(_DELIVERY),
        "ECID_DIGITS": Fact(_FETCH, "observed", note="every sample of an ECID has 38 digits"),
        "CALLS_PER_MINUTE": Fact(
            _LIMITS, note="whether status calls count is unknown: they are counted"
        ),
        "SINGLE_UPDATE_GET_BYTES": Fact(_SINGLE, note="'8 KB', the smaller meaning"),
        "SINGLE_UPDATE_POST_BYTES": Fact(_SINGLE, note="'60 KB', the smaller meaning"),
        "SINGLE_UPDATES_PER_DAY": Fact(_SINGLE, note="in a rolling 24 hours"),
        "STATUS_COMPLETE": Fact(_BULK, note="does not mean that every row was stored"),
        "STATUS_INCOMPLETE": Fact(_BULK),
        "STATUS_STUCK": Fact(_BULK),
        "EXPECTED_LOSS": Fact(_BULK, note="'up to 0.1 %' of a large batch, by design"),
        "USUAL_HOURS": Fact(_BULK),
        "LONGEST_HOURS": Fact(_BULK),
        "PROFILE_LIFE_DAYS": Fact(_BULK, note="default; up to 90"),
    }
)
