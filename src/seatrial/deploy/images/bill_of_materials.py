"""The software bill of materials of an image, as CycloneDX 1.6 JSON (cyclonedx.org/docs/1.6).

Written here and not by cyclonedx-py, which lists a Python environment alone: an image has Debian's packages and jars
too. The tests hold it against the official schema.
"""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from urllib.parse import quote

from packaging.utils import canonicalize_name

Component = dict[str, object]
# Ivy's name of a jar: group_artifact-version.jar; the artifact may have "_" (Scala's version), a group has none.
_IVY_JAR = re.compile(r"([\w.-]+?\.[\w.-]+?)_(.+)-(\d[\w.]*(?:-\w+)?)\.jar", re.ASCII)
_PLAIN_JAR = re.compile(r"(.+?)-(\d[\w.+-]*)\.jar", re.ASCII)


def bill_of_materials(
    inventory: Mapping[str, Sequence[Sequence[str]]], *, image: str, image_id: str, epoch: str | None = None
) -> str:
    """The bill of the image that has this inventory; the same image gives the same text."""
    components = [
        *(_debian(*entry) for entry in inventory["debian"]),
        *(_python(*entry) for entry in inventory["python"]),
        *_unique(_jar(*entry) for entry in inventory["jars"]),
    ]
    metadata: Component = {
        "component": {"type": "container", "bom-ref": "image", "name": image, "version": image_id},
        "tools": {"components": [{"type": "application", "name": "seatrial"}]},
    }
    if epoch is not None:
        metadata["timestamp"] = datetime.fromtimestamp(int(epoch), UTC).isoformat().replace("+00:00", "Z")
    document = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_OID, image_id)}",
        "version": 1,
        "metadata": metadata,
        "components": components,
    }
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _debian(name: str, version: str, architecture: str) -> Component:
    return _component(name, version, f"pkg:deb/debian/{name}@{quote(version, safe='.:+-')}?arch={architecture}")


def _python(name: str, version: str) -> Component:
    return _component(name, version, f"pkg:pypi/{canonicalize_name(name)}@{quote(version, safe='.!')}")


def _jar(file_name: str, digest: str) -> Component:
    """With Maven's coordinates where the file's name has them; Spark's own jars are named without their group."""
    if match := _IVY_JAR.fullmatch(file_name):
        group, artifact, version = match.groups()
        component = _component(artifact, version, f"pkg:maven/{group}/{artifact}@{version}") | {"group": group}
    elif match := _PLAIN_JAR.fullmatch(file_name):
        component = _component(match[1], match[2], None, reference=f"jar:{file_name}")
    else:
        component = _component(file_name, "", None, reference=f"jar:{file_name}")
    return component | {"hashes": [{"alg": "SHA-256", "content": digest}]}


def _component(name: str, version: str, purl: str | None, *, reference: str | None = None) -> Component:
    component: Component = {"type": "library", "bom-ref": purl or reference, "name": name, "version": version}
    return component if purl is None else component | {"purl": purl}


def _unique(components: object) -> list[Component]:
    """One entry for each reference: a jar that lies in both folders is one component."""
    return list({str(component["bom-ref"]): component for component in components}.values())  # type: ignore[attr-defined]
