#!/usr/bin/env python3
"""Writes the software bill of materials of the library, SPDX 2.3 in JSON.

    sbom.py OUTPUT

The library needs nothing. Components add one library each, if a program asks for them. A digest of the
headers tells documents of different headers apart.
"""
import datetime
import hashlib
import json
import os
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
# Component: the library that it adds, its licence, its home page.
OPTIONAL = {
    "eigen": ("Eigen", "MPL-2.0", "https://eigen.tuxfamily.org"),
    "json": ("nlohmann-json", "MIT", "https://json.nlohmann.me"),
    "xtensor": ("xtensor", "BSD-3-Clause", "https://xtensor.readthedocs.io"),
    "dlpack": ("dlpack", "Apache-2.0", "https://dmlc.github.io/dlpack"),
    "torch": ("LibTorch", "BSD-3-Clause", "https://pytorch.org"),
    "mpi": ("MPI", "NOASSERTION", "https://www.mpi-forum.org"),
    "cuda": ("CUDA Toolkit", "NOASSERTION", "https://developer.nvidia.com/cuda-toolkit"),
}


def package(name, identifier, licence, **further):
    return {"name": name, "SPDXID": f"SPDXRef-{identifier}", "downloadLocation": "NOASSERTION",
            "licenseConcluded": licence, "licenseDeclared": licence, "copyrightText": "NOASSERTION", **further}


def digest_of_headers(folder):
    """The SHA-256 of the sorted SHA-256 of all files."""
    files = sorted(hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.rglob("*") if path.is_file())
    return hashlib.sha256("".join(files).encode()).hexdigest()


def main():
    if len(sys.argv) != 2 or sys.argv[1].startswith("-"):
        sys.exit(__doc__)
    version = subprocess.run([sys.executable, ROOT / "cmake/version.py"], check=True, text=True,
                             stdout=subprocess.PIPE).stdout.strip()
    moment = int(os.environ.get("SOURCE_DATE_EPOCH", datetime.datetime.now(datetime.timezone.utc).timestamp()))
    code = digest_of_headers(ROOT / "include")
    document = {
        "spdxVersion": "SPDX-2.3",
        "dataLicense": "CC0-1.0",
        "SPDXID": "SPDXRef-DOCUMENT",
        "name": f"tamp-{version}",
        "documentNamespace": f"https://spdx.org/spdxdocs/tamp-{version}-{code}",
        "creationInfo": {
            "created": datetime.datetime.fromtimestamp(moment, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "creators": ["Tool: tamp-sbom.py"]},
        "packages": [
            package("tamp", "tamp", "MIT", versionInfo=version, filesAnalyzed=False,
                    comment=f"digest of the headers: {code}")
            | {"copyrightText": "Copyright (c) 2026 The tamp authors"},
            *(package(name, component, licence, homepage=home, filesAnalyzed=False,
                      comment=f"only of programs that link tamp::{component}")
              for component, (name, licence, home) in OPTIONAL.items())],
        "relationships": [
            {"spdxElementId": "SPDXRef-DOCUMENT", "relationshipType": "DESCRIBES", "relatedSpdxElement": "SPDXRef-tamp"},
            *({"spdxElementId": f"SPDXRef-{component}", "relationshipType": "OPTIONAL_DEPENDENCY_OF",
               "relatedSpdxElement": "SPDXRef-tamp"} for component in OPTIONAL)],
    }
    output = pathlib.Path(sys.argv[1])
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
