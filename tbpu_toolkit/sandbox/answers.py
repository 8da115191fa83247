"""The sandbox's answers in the forms that Target's pages show."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final
from xml.etree import ElementTree as ET

from tbpu_toolkit import limits

if TYPE_CHECKING:
    from tbpu_toolkit.sandbox.batches import Batch
    from tbpu_toolkit.sandbox.profiles import LookupKey, Profile

XML: Final = "text/xml; charset=UTF-8"
JSON: Final = "application/json; charset=UTF-8"
# Only the first two are documented.
_KEY_WORDS: Final[dict[LookupKey, str]] = {
    "pcId": "mboxPC",
    "thirdPartyId": "third party id",
    "ecid": "marketing cloud visitor id",
}


def submitted(status_url: str | None) -> bytes:
    """Return the answer to a batch that was accepted; ``None`` leaves its status address out."""
    address = {} if status_url is None else {"batchStatus": status_url}
    return _response(success="true", **address, message="Batch submitted for processing")


def updated() -> bytes:
    """Return the answer to a single update."""
    return _response(success="true", message="Request successfully submitted")


def refused(message: str) -> bytes:
    """Return the answer to a call that Target does not take."""
    return _response(success="false", message=message)


def status(batch: Batch, consumed: int, *, details: bool) -> bytes:
    """Return how far a batch is."""
    counts = {
        "consumedCount": consumed,
        "successfulUpdates": batch.updated,
        "profilesNotFound": batch.not_found,
        "failedUpdates": batch.failed,
    }
    shown = {name: str(count) for name, count in counts.items()} if details else {}
    return _response(
        batchId=batch.batch_id, status=batch.status, batchSize=str(batch.rows), **shown
    )


def consumed_count(batch: Batch, now: int, seconds_to_complete: float) -> int:
    """Return the rows that count as read: none in the first half of the time, then all."""
    halfway = batch.submitted_at + 1000 * seconds_to_complete / 2
    under_way = batch.status == limits.STATUS_INCOMPLETE and now >= halfway
    return batch.rows if under_way or batch.status == limits.STATUS_COMPLETE else 0


def profile(found: Profile) -> bytes:
    """Return a profile."""
    attributes = {
        name: {"value": attribute.value, "modifiedAt": timestamp(attribute.modified_at)}
        for name, attribute in found.attributes.items()
    }
    answer = {
        "client": found.client,
        "visitorId": found.visitor_id,
        "modifiedAt": timestamp(found.modified_at),
        "profileAttributes": attributes,
    }
    return json.dumps(answer, ensure_ascii=False).encode()


def no_profile(client: str, key_type: LookupKey, key: str) -> bytes:
    """Return that Target knows no such profile."""
    return failure(404, f"No profile found for client {client} with {_KEY_WORDS[key_type]}={key}")


def failure(code: int, message: str) -> bytes:
    """Return an error in the form of the fetch call."""
    return json.dumps({"status": code, "message": message}, ensure_ascii=False).encode()


def timestamp(milliseconds: int) -> str:
    """Return a time as a fetch gives it.

    >>> timestamp(1501525590879)
    '2017-07-31T18:26:30.879+00:00'
    """
    moment = datetime.fromtimestamp(milliseconds // 1000, UTC)
    exact = moment.replace(microsecond=milliseconds % 1000 * 1000)
    return exact.isoformat(timespec="milliseconds")


def _response(**children: str) -> bytes:
    response = ET.Element("response")
    for name, text in children.items():
        ET.SubElement(response, name).text = text
    ET.indent(response, space="    ")
    return ET.tostring(response)
