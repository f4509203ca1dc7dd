"""The certificate as one HTML file that opens anywhere, without a network, in four languages.

It is a pure function of the release, its statements and what is there of its artifacts, so that a verifier makes it
again and compares bytes. The page checks the signature of the release that is embedded in it, and files that are
dropped on it; it proves nothing by itself, and says so: a page can lie. Whatever comes from data, recipes and models is
escaped, and the policy in the page's head lets the browser run this script and this style alone, and load nothing.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Sequence
from importlib import resources
from typing import Any

from markupsafe import Markup

from helder.certify.evidence import Evidence
from helder.certify.openness import Openness
from helder.certify.page import lineage, texts
from helder.certify.page.open_view import open_view
from helder.certify.page.texts import LANGUAGES, say, size
from helder.certify.page.view import View
from helder.errors import ExitCode, HelderError
from helder.ledger import canonical
from helder.ledger.keys import PublicKey

FEW_WITHHELD = 12  # files that are shown before one asks for all


def render(
    evidence: Evidence,
    release_envelope: bytes,
    public_keys: Sequence[bytes],
    openness: Openness | None = None,
    previous: Evidence | None = None,
) -> str:
    """The text of `certificate.html`.

    Args:
        evidence: the release with its statements and the artifacts that are there.
        release_envelope: `release.dsse.json`, as it is signed.
        public_keys: the signers' keys in PEM, the maker's first.
        openness: what `helder.certify.openness` found; None where that is not known.
        previous: the release before this one, if it is named and there.

    Raises:
        HelderError: the envelope is no envelope, or a key no P-256 key.
    """
    import jinja2

    envelope, payload = _read(release_envelope)
    keys = [PublicKey.from_pem(pem, f"Key {place}") for place, pem in enumerate(public_keys, start=1)]
    release, view = json.loads(payload)["predicate"], View(evidence, previous)
    rows, width = lineage.rows(evidence)
    style = _asset("style.css") + f".way .step{{margin-left:{width}px}}"
    script = _asset("check.js")
    opened = None if openness is None else open_view(openness)
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True)
    template = environment.from_string(_asset("template.html"))
    withheld, files = view.withheld(), release.get("files", [])
    base = view.base()
    page = template.render(
        t=say,
        policy=_policy(style, script),
        style=Markup(style),
        script=Markup(script),
        embedded=embed({"envelope": envelope, "keys": [key.to_pem().decode("ascii") for key in keys]}),
        script_texts=embed(_script_texts()),
        languages=[(language, texts.texts()[language]["language"]) for language in LANGUAGES],
        fingerprint=fingerprint,
        legend=lambda kind: Markup(lineage.mark(kind, 8, 8, 0)),
        name=str(evidence.release["name"]),
        version=evidence.release.get("version"),
        purpose=evidence.release.get("purpose"),
        audience=view.audience,
        bundle="BUNDLE",
        tiles=view.tiles(opened),
        keys=[key.id for key in keys],
        unproved=view.unproved(),
        task=view.task(),
        instruction=view.seen(evidence.task["instruction"]),
        people=view.people(),
        scores=view.scores(),
        base=base,
        personal=view.personal(),
        kept=view.kept(),
        left=view.left(),
        planted=view.planted(),
        documents=view.documents(),
        searched=view.searched(),
        sources=view.sources(),
        lineage=rows,
        superseded=view.superseded(),
        cost=view.cost(),
        by_stage=view.by_stage(),
        openness=opened,
        changes=view.changes(),
        withheld=withheld,
        few=FEW_WITHHELD,
        made=view.made(),
        signed_files=say("signed.files", n=len(files), size=size(sum(file["size"] for file in files))),
        ledger=say("signed.ledger", n=len(release.get("ledger", []))) if release.get("ledger") else None,
        release_digest=hashlib.sha256(payload).hexdigest(),
        helder=str(evidence.release["helder"]["helder"]),
    )
    return page if page.endswith("\n") else page + "\n"


def fingerprint(key_id: str) -> Markup:
    """A key id in groups of four, which people can read to one another."""
    groups = (key_id[place : place + 4] for place in range(0, len(key_id), 4))
    return Markup('<p class="print">{}</p>').format(
        Markup("").join(Markup("<span>{}</span>").format(g) for g in groups)
    )


def embed(value: Any) -> Markup:
    """JSON that can stand inside a `<script>`: nothing in it can end the element or begin another."""
    text = json.dumps(value, ensure_ascii=True, sort_keys=True, separators=(",", ":"))
    for sign in "<>&":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return Markup(text)


def _policy(style: str, script: str) -> str:
    """The browser runs what has these digests, and loads nothing at all."""
    told = [
        f"{name} 'sha256-{base64.b64encode(hashlib.sha256(text.encode('utf-8')).digest()).decode('ascii')}'"
        for name, text in (("script-src", script), ("style-src", style))
    ]
    return "; ".join(["default-src 'none'", *told, "base-uri 'none'", "form-action 'none'"])


def _script_texts() -> dict[str, dict[str, str]]:
    return {
        language: {key.removeprefix("js."): text for key, text in texts.texts()[language].items() if key[:3] == "js."}
        for language in LANGUAGES
    }


def _read(envelope: bytes) -> tuple[dict[str, Any], bytes]:
    """The envelope as JSON, and its payload."""
    try:
        outer = canonical.loads(envelope)
        payload = base64.b64decode(outer["payload"], validate=True)
        _ = canonical.loads(payload)["predicate"]
        shown = {
            "payloadType": outer["payloadType"],
            "payload": outer["payload"],
            "signatures": [{"keyid": one.get("keyid", ""), "sig": one["sig"]} for one in outer["signatures"]],
        }
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise HelderError(
            "The release is not a DSSE envelope.", repr(error), "Make it again.", ExitCode.FAILED
        ) from error
    return shown, payload


def _asset(name: str) -> str:
    return (resources.files("helder.certify.page") / name).read_text(encoding="utf-8")
