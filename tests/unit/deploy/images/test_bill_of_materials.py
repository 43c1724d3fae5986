"""The bill of materials: CycloneDX to the official schema, each package by its package URL."""

from __future__ import annotations

import json

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from seatrial.deploy.images.bill_of_materials import bill_of_materials
from seatrial.deploy.images.inventory import inventory

INVENTORY = {
    "debian": [["libc6", "2.36-9+deb12u14", "amd64"], ["libstdc++6", "12.2.0-14", "amd64"]],
    "python": [["scikit_learn", "1.9.1"]],
    "jars": [
        ["org.apache.iceberg_iceberg-spark-runtime-4.1_2.13-1.12.0.jar", "aa" * 32],
        ["spark-core_2.13-4.1.4.jar", "bb" * 32],
        ["spark-core_2.13-4.1.4.jar", "bb" * 32],
        ["odd.jar", "cc" * 32],
    ],
}


def bill(epoch: str | None = "86400") -> str:
    return bill_of_materials(INVENTORY, image="ships-steps:1", image_id="1a2b", epoch=epoch)


def test_it_is_cyclonedx_to_the_strict_validator() -> None:
    for epoch in ("86400", None):
        assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(bill(epoch)) is None


def test_each_package_has_its_package_url_and_each_jar_its_digest() -> None:
    components = json.loads(bill())["components"]
    assert [component.get("purl") for component in components] == [
        "pkg:deb/debian/libc6@2.36-9+deb12u14?arch=amd64",
        "pkg:deb/debian/libstdc++6@12.2.0-14?arch=amd64",
        "pkg:pypi/scikit-learn@1.9.1",
        "pkg:maven/org.apache.iceberg/iceberg-spark-runtime-4.1_2.13@1.12.0",
        None,
        None,
    ]
    spark = components[4]
    assert (spark["name"], spark["version"]) == ("spark-core_2.13", "4.1.4")
    assert spark["hashes"] == [{"alg": "SHA-256", "content": "bb" * 32}]


def test_the_same_image_has_the_same_bill() -> None:
    assert bill() == bill()
    assert json.loads(bill())["metadata"]["timestamp"] == "1970-01-02T00:00:00Z"


def test_the_inventory_of_this_machine_has_this_python_packages(monkeypatch: object) -> None:
    import subprocess
    from types import SimpleNamespace

    patch = monkeypatch.setattr  # type: ignore[attr-defined]  # MonkeyPatch
    patch(subprocess, "run", lambda *_args, **_options: SimpleNamespace(stdout="libc6\t2.36\tamd64\n"))
    listed = inventory()
    assert listed["debian"] == [["libc6", "2.36", "amd64"]]
    assert any(name == "seatrial" for name, _ in listed["python"])
